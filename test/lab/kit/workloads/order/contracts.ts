import { workshop } from '../effects.js';

export const Warehouse = workshop('order-warehouse');
export const Courier = workshop('order-courier', { batch: 20 });
export const Till = workshop('order-till');
