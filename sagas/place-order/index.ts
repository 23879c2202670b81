/** What `--sagas` loads: definitions, participants, and a module that binds what their constructors ask for. */
import { ContainerModule } from 'inversify';
import { CardGateway, Haulier } from './outside.js';
import { Pricing } from './pricing.js';

export { CourierDesk, FreightDesk, mailRoom, PaymentOffice, Warehouse } from './participants.js';
export { PlaceOrder } from './place-order.saga.js';

export const bindings = new ContainerModule(({ bind }) => {
  bind(Pricing).toSelf().inSingletonScope();
  bind(CardGateway).toSelf().inSingletonScope();
  bind(Haulier).toSelf().inSingletonScope();
});
