import { hostWorkshop } from '../effects.js';
import { Alpha, Beta, Gamma } from './contracts.js';

/** What `--sagas` loads. */
export * from './sagas.js';
export const participants = [Alpha, Beta, Gamma].map((each) => hostWorkshop(each));
