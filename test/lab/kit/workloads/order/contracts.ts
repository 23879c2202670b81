import { workshop } from '../effects.js';

export const Warehouse = workshop('order-warehouse');
export const Courier = workshop('order-courier');
export const Till = workshop('order-till');
