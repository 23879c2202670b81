// Writes orders, one JSON object a line: `node dist/sagas/place-order/make-orders.js [how many] [first number]`. The same arguments always
// give the same orders.
import { writeFileSync } from 'node:fs';
import { CATALOGUE, type Product } from './catalogue.js';
import type { OrderIn } from './place-order.saga.js';

type Draft = Omit<OrderIn, 'totalCents'>;
type Change = (draft: Draft) => void;
type Town = readonly [area: string, city: string];

const [count = 1_040, first = 1] = process.argv.slice(2).map(Number);
const random = randomFrom(20_260);
const parcels = CATALOGUE.filter((product) => !product.isBulky && product.opening > 1_000);
const limited = CATALOGUE.filter((product) => product.opening > 0 && product.opening <= 1_000);
const soldOut = CATALOGUE.filter((product) => product.opening === 0);
const bulky = CATALOGUE.filter((product) => product.isBulky);

const GIVEN =
  'Ada,Ben,Carys,Dilip,Ewan,Fatima,Greta,Hamish,Ines,Jonah,Kezia,Liam,Mairi,Nadia,Owen,Priya,Quentin,Rhona,Sanjay,Tess,Una,Viktor,Wendy,Yusuf,Zofia'.split(
    ',',
  );
const FAMILY =
  'Abbott,Bhatt,Campbell,Davies,Ellis,Ferreira,Gill,Hughes,Iqbal,Jones,Khan,Larsen,MacLeod,Nowak,Okafor,Patel,Quinn,Reid,Singh,Taylor,Usman,Vaughan,Walsh,Young'.split(
    ',',
  );
const STREETS =
  'Abbey Road,Bridge Street,Castle Lane,Church Hill,Elm Grove,Ferry Road,Garden Row,High Street,Kiln Lane,Market Square,Mill Lane,Park Avenue,Quay Street,School Lane,Station Road,Victoria Terrace,West View,Willow Close'.split(
    ',',
  );
const TOWNS: readonly Town[] = [
  ['LS', 'Leeds'],
  ['BS', 'Bristol'],
  ['CF', 'Cardiff'],
  ['EH', 'Edinburgh'],
  ['NR', 'Norwich'],
  ['PL', 'Plymouth'],
  ['SO', 'Southampton'],
  ['YO', 'York'],
  ['NE', 'Newcastle upon Tyne'],
  ['BT', 'Belfast'],
  ['OX', 'Oxford'],
  ['SA', 'Swansea'],
  ['DD', 'Dundee'],
  ['LA', 'Lancaster'],
  ['TR', 'Truro'],
];
const HIGHLANDS: readonly Town[] = [
  ['AB', 'Aberdeen'],
  ['IV', 'Inverness'],
  ['KW', 'Wick'],
];
const ISLANDS: readonly Town[] = [
  ['ZE', 'Lerwick'],
  ['HS', 'Stornoway'],
  ['IM', 'Douglas'],
];
const CARDS = ['visa-4242', 'visa-1881', 'mastercard-4444', 'amex-1009'];
const MAILBOXES = ['post.example', 'mail.example', 'inbox.example'];

/** How many in a thousand are of which kind; the rest are fine. */
const KINDS: readonly (readonly [share: number, change: Change])[] = [
  [20, slowHaulier],
  [34, fineAndBulky],
  [48, withSoldOut],
  [90, withLimited],
  [52, withDeclinedCard],
  [10, withTooMuch],
  [34, whereNobodyGoes],
  [26, toPoBox],
  [24, withFlakyCard],
  [24, withGreylistedMail],
];

const lines = Array.from({ length: count }, (_, index) => JSON.stringify(orderOf(first + index, kindOf())));
writeFileSync(1, `${lines.join('\n')}\n`);

function kindOf(): Change {
  let at = Math.floor(random() * 1_000);
  for (const [share, change] of KINDS) {
    if (at < share) return change;
    at -= share;
  }
  return () => {};
}

function orderOf(number: number, change: Change): OrderIn {
  const given = pick(GIVEN);
  const family = pick(FAMILY);
  const draft: Draft = {
    orderId: `o-${String(number).padStart(5, '0')}`,
    customer: { name: `${given} ${family}`, email: `${given}.${family}@${pick(MAILBOXES)}`.toLowerCase() },
    address: addressIn(pick(TOWNS)),
    lines: someOf(parcels, 1 + Math.floor(random() * random() * 4), 4),
    bulky: false,
    card: pick(CARDS),
  };
  change(draft);
  return { ...draft, totalCents: draft.lines.reduce((sum, { sku, quantity }) => sum + quantity * priceOf(sku), 0) };
}

function slowHaulier(draft: Draft): void {
  fineAndBulky(draft);
  draft.address = addressIn(pick(HIGHLANDS));
}
function fineAndBulky(draft: Draft): void {
  draft.bulky = true;
  draft.lines.push(...someOf(bulky, 1, 1));
}
function withSoldOut(draft: Draft): void {
  draft.lines.push(...someOf(soldOut, 1, 2));
}
function withLimited(draft: Draft): void {
  draft.lines.push(...someOf(limited, 1, 3));
}
function withDeclinedCard(draft: Draft): void {
  draft.card = `${pick(CARDS)}-declined`;
}
function withTooMuch(draft: Draft): void {
  draft.lines = [{ sku: 'GRINDER-HAND', quantity: 30 + Math.floor(random() * 20) }];
}
function whereNobodyGoes(draft: Draft): void {
  draft.address = addressIn(pick(ISLANDS));
}
function toPoBox(draft: Draft): void {
  draft.address.street = `PO Box ${100 + Math.floor(random() * 900)}`;
}
function withFlakyCard(draft: Draft): void {
  draft.card = `${pick(CARDS)}-flaky`;
}
function withGreylistedMail(draft: Draft): void {
  draft.customer.email = draft.customer.email.replace(/@.*/, '@greylisted.example');
}

function addressIn([area, city]: Town): OrderIn['address'] {
  const letters = () => 'ABDEFGHJLNPQRSTUWXYZ'[Math.floor(random() * 20)];
  const postcode = `${area}${1 + Math.floor(random() * 19)} ${1 + Math.floor(random() * 9)}${letters()}${letters()}`;
  return { street: `${1 + Math.floor(random() * 180)} ${pick(STREETS)}`, postcode, city };
}
function someOf(products: readonly Product[], howMany: number, most: number): OrderIn['lines'] {
  const left = [...products];
  return Array.from({ length: Math.min(howMany, left.length) }, () => {
    const [product] = left.splice(Math.floor(random() * left.length), 1);
    return { sku: product!.sku, quantity: 1 + Math.floor(random() * random() * most) };
  });
}
function priceOf(sku: string): number {
  return CATALOGUE.find((product) => product.sku === sku)!.cents;
}
function pick<T>(list: readonly T[]): T {
  return list[Math.floor(random() * list.length)]!;
}

/** mulberry32: small, and the same everywhere. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
