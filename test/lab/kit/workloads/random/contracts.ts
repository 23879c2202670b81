import { workshop } from '../effects.js';

export const Alpha = workshop('random-alpha');
export const Beta = workshop('random-beta', { batch: 20 });
export const Gamma = workshop('random-gamma');
