/** What `--sagas` loads: the definition, the five participants and what the hotel desk asks for. */
import { ContainerModule } from 'inversify';
import { HotelChain } from './outside.js';

export { BookTrip } from './book-trip.saga.js';
export { Accounts, airline, carHire, HotelDesk, Insurer } from './participants.js';

export const bindings = new ContainerModule(({ bind }) => {
  bind(HotelChain).toSelf().inSingletonScope();
});
