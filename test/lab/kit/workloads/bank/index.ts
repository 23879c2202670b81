/** What `--sagas` loads. */
export { east, letters, west } from './participants.js';
export { BankTransfer } from './saga.js';
