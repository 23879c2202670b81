// What `--sagas` loads.
export { Crossing } from './crossing.saga.js';
export { Berths, Bridge, Office } from './participants.js';
