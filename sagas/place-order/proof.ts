import { readLedger, type Ask, type LedgerRow } from './ledger.js';
import type { Order } from './place-order.saga.js';
import { Pricing } from './pricing.js';

/** An order and what the orchestrator says of its saga: a status, or `unknown` where there is no saga. */
export interface OrderEnd {
  readonly order: Order;
  readonly status: string;
}
/** What the participants' own databases say. */
export interface Evidence {
  readonly stock: readonly { readonly sku: string; readonly opening: number; readonly onHand: number }[];
  readonly inventory: readonly LedgerRow[];
  readonly payments: readonly LedgerRow[];
  readonly shipping: readonly LedgerRow[];
  readonly freight: readonly LedgerRow[];
  readonly mail: readonly LedgerRow[];
}
/** Something that must not be. */
export interface Violation {
  /** `-` where it is about no single order. */
  readonly orderId: string;
  readonly text: string;
}

/** Reads all ledgers and the stock. Only meaningful when nothing is under way. */
export async function readEvidence(ask: Ask): Promise<Evidence> {
  const stock = await ask('inventory', 'select sku, opening, on_hand from stock order by sku');
  return {
    stock: stock.map((row) => ({ sku: String(row['sku']), opening: Number(row['opening']), onHand: Number(row['on_hand']) })),
    inventory: await readLedger(ask, 'inventory', 'stock_ledger'),
    payments: await readLedger(ask, 'payments', 'payment_ledger'),
    shipping: await readLedger(ask, 'shipping', 'courier_ledger'),
    freight: await readLedger(ask, 'freight', 'freight_ledger'),
    mail: await readLedger(ask, 'mail', 'mail_ledger'),
  };
}

/** Compares what the orchestrator says with what the participants wrote. An empty list: every order is all or nothing. */
export function prove(ends: readonly OrderEnd[], evidence: Evidence): readonly Violation[] {
  const books = {
    inventory: byOrder(evidence.inventory),
    payments: byOrder(evidence.payments),
    shipping: byOrder(evidence.shipping),
    freight: byOrder(evidence.freight),
    mail: byOrder(evidence.mail),
  };
  const violations = ends.flatMap((end) => {
    const { orderId } = end.order;
    const rows: OrderRows = {
      inventory: books.inventory.get(orderId) ?? [],
      payments: books.payments.get(orderId) ?? [],
      shipping: books.shipping.get(orderId) ?? [],
      freight: books.freight.get(orderId) ?? [],
      mail: books.mail.get(orderId) ?? [],
    };
    return checkOrder(end, rows).map((text) => ({ orderId, text }));
  });
  const known = new Set(ends.map(({ order }) => order.orderId));
  const strangers = new Set(Object.values(books).flatMap((book) => [...book.keys()].filter((orderId) => !known.has(orderId))));
  return [
    ...violations,
    ...[...strangers].map((orderId) => ({ orderId, text: 'is in a ledger, but nobody ordered it' })),
    ...checkStock(evidence),
  ];
}

type OrderRows = Omit<Evidence, 'stock'>;

function checkOrder({ order, status }: OrderEnd, rows: OrderRows): readonly string[] {
  const twice = Object.entries(rows).flatMap(([participant, ledger]) => doubles(participant, ledger));
  if (status === 'completed') return [...twice, ...checkCompleted(order, rows), ...checkOrderOfDoing(rows)];
  if (status === 'compensated') return [...twice, ...checkCompensated(rows), ...checkOrderOfUndoing(rows)];
  return [...twice, `its saga is ${status}`];
}

function checkCompleted(order: Order, { inventory, payments, shipping, freight, mail }: OrderRows): readonly string[] {
  const wanted = order.lines.map(({ sku, quantity }) => `${sku} ${-quantity}`).sort();
  const reserved = rowsOf(inventory, 'reserved')
    .map(({ item, amount }) => `${item} ${amount}`)
    .sort();
  const fees = 590 + (order.bulky ? 4_900 : 0);
  const cents = rowsOf(payments, 'charged').reduce((sum, { amount }) => sum + amount, 0);
  const toPay = new Pricing().toPay(order.totalCents, fees);
  return [
    ...expectThat(wanted.join() === reserved.join(), `completed, but reserved were [${reserved.join()}] instead of [${wanted.join()}]`),
    ...expectCount(inventory, 'released', 0),
    ...expectCount(payments, 'charged', 1),
    ...expectThat(cents === toPay, `completed, but ${cents} cents were charged instead of ${toPay}`),
    ...expectCount(payments, 'refunded', 0),
    ...expectCount(shipping, 'booked', 1),
    ...expectCount(shipping, 'cancelled', 0),
    ...expectCount(shipping, 'dispatched', 1),
    ...expectCount(freight, 'booked', order.bulky ? 1 : 0),
    ...expectCount(freight, 'cancelled', 0),
    ...expectCount(mail, 'mailed', 1),
  ];
}

function checkCompensated({ inventory, payments, shipping, freight, mail }: OrderRows): readonly string[] {
  return [
    ...expectNothingLeft(inventory, 'compensated, but not all of its stock was released'),
    ...expectNothingLeft(payments, 'compensated, but not all of its money was given back'),
    ...expectNothingLeft(shipping, 'compensated, but its courier was not cancelled'),
    ...expectNothingLeft(freight, 'compensated, but its haulier was not cancelled'),
    ...expectCount(shipping, 'dispatched', 0),
    ...expectCount(mail, 'mailed', 0),
  ];
}

/** No step may begin before the ones it waits for have ended. */
function checkOrderOfDoing({ inventory, payments, shipping, freight, mail }: OrderRows): readonly string[] {
  const charged = rowsOf(payments, 'charged');
  const dispatched = rowsOf(shipping, 'dispatched');
  return [
    ...expectBefore(rowsOf(inventory, 'reserved'), charged),
    ...expectBefore(rowsOf(shipping, 'booked'), charged),
    ...expectBefore(rowsOf(freight, 'booked'), charged),
    ...expectBefore(charged, dispatched),
    ...expectBefore(dispatched, rowsOf(mail, 'mailed')),
  ];
}

/** The money came last, so it goes back first. The others ran side by side: nothing can be said about their order. */
function checkOrderOfUndoing({ inventory, payments, shipping, freight }: OrderRows): readonly string[] {
  const refunded = rowsOf(payments, 'refunded');
  return [
    ...expectBefore(refunded, rowsOf(inventory, 'released')),
    ...expectBefore(refunded, rowsOf(shipping, 'cancelled')),
    ...expectBefore(refunded, rowsOf(freight, 'cancelled')),
  ];
}

function checkStock({ stock, inventory }: Evidence): readonly Violation[] {
  const moved = new Map<string, number>();
  for (const { item, amount } of inventory) moved.set(item, (moved.get(item) ?? 0) + amount);
  return stock.flatMap(({ sku, opening, onHand }) => {
    const expected = opening + (moved.get(sku) ?? 0);
    return [
      ...expectThat(onHand === expected, `${sku}: ${onHand} on hand, but the ledger adds up to ${expected}`),
      ...expectThat(onHand >= 0, `${sku}: ${onHand} on hand`),
    ].map((text) => ({ orderId: '-', text }));
  });
}

/** The same entry about the same thing by two commands, or twice by one. */
function doubles(participant: string, rows: readonly LedgerRow[]): readonly string[] {
  const seen = new Set<string>();
  return rows.flatMap(({ entry, item }) => {
    const what = `${entry} ${item}`;
    if (seen.has(what)) return [`${participant}: ${what} twice`];
    seen.add(what);
    return [];
  });
}

function byOrder(rows: readonly LedgerRow[]): ReadonlyMap<string, readonly LedgerRow[]> {
  const book = new Map<string, LedgerRow[]>();
  for (const row of rows) {
    const of = book.get(row.orderId);
    if (of) of.push(row);
    else book.set(row.orderId, [row]);
  }
  return book;
}

function rowsOf(rows: readonly LedgerRow[], entry: string): readonly LedgerRow[] {
  return rows.filter((row) => row.entry === entry);
}

function expectCount(rows: readonly LedgerRow[], entry: string, count: number): readonly string[] {
  const found = rowsOf(rows, entry).length;
  return expectThat(found === count, `${entry} ${found} times instead of ${count}`);
}

function expectNothingLeft(rows: readonly LedgerRow[], text: string): readonly string[] {
  const left = new Map<string, number>();
  for (const { item, amount } of rows) left.set(item, (left.get(item) ?? 0) + amount);
  const open = [...left].filter(([, amount]) => amount !== 0);
  return expectThat(open.length === 0, `${text}: ${open.map(([item, amount]) => `${item} ${amount}`).join(', ')}`);
}

function expectBefore(earlier: readonly LedgerRow[], later: readonly LedgerRow[]): readonly string[] {
  const [last] = earlier.toSorted((a, b) => b.at - a.at);
  const [first] = later.toSorted((a, b) => a.at - b.at);
  if (!last || !first) return [];
  return expectThat(last.at <= first.at, `${first.entry} before ${last.entry}`);
}

function expectThat(holds: boolean, text: string): readonly string[] {
  return holds ? [] : [text];
}
