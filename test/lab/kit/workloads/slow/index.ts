import { hostOutsideWorkshop, hostWorkshop } from '../effects.js';
import { InsideShop, OutsideShop } from './contracts.js';

/** What `--sagas` loads. */
export { LabSlow } from './saga.js';
export const outside = hostOutsideWorkshop(OutsideShop);
export const inside = hostWorkshop(InsideShop);
