import { hostWorkshop } from '../effects.js';
import { Courier, Till, Warehouse } from './contracts.js';

/** What `--sagas` loads. */
export { LabOrder } from './saga.js';
export const participants = [Warehouse, Courier, Till].map((each) => hostWorkshop(each));
