import { workshop } from '../effects.js';

export const OutsideShop = workshop('slow-outside', { batch: 20 });
export const InsideShop = workshop('slow-inside');
