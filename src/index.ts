export { command, contract } from './saga/contract.js';
export { typed } from './saga/schema.js';
export type { RequestOf, ReplyOf } from './saga/contract.js';
