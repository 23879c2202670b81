import { workshop } from '../effects.js';

export const OutsideShop = workshop('slow-outside');
export const InsideShop = workshop('slow-inside');
