/** What `--sagas` loads: the definition and the two banks. */
export { North, South } from './participants.js';
export { TransferMoney } from './transfer-money.saga.js';
