// Writes trips, one JSON object a line: `node dist/sagas/book-trip/make-trips.js [how many]`. The same arguments always give
// the same trips.
import { writeFileSync } from 'node:fs';

const [count = 120] = process.argv.slice(2).map(Number);
const random = randomFrom(7_001);
const GIVEN = 'Ailsa,Bram,Chloe,Declan,Elin,Finn,Grace,Hugo,Isla,Jakub,Katya,Lewis,Maeve,Niamh,Oscar,Petra,Rory,Saoirse,Tariq,Vera'.split(
  ',',
);
const FAMILY = 'Byrne,Cameron,Doyle,Fraser,Grant,Hansen,Kelly,Lindqvist,Murphy,Novak,Ogilvie,Ryan,Sinclair,Tulloch,Ueda,Ward'.split(',');

const lines = Array.from({ length: count }, (_, index) => {
  const given = pick(GIVEN);
  const family = pick(FAMILY);
  const nights = 1 + Math.floor(random() * 12);
  return JSON.stringify({
    tripId: `b-${String(index + 1).padStart(4, '0')}`,
    traveller: {
      name: `${given} ${family}`,
      email: `${given}.${family}@post.example`.toLowerCase(),
      age: 18 + Math.floor(random() * 72),
    },
    from: pick(['EDI', 'DUB']),
    to: pick(['LIS', 'LIS', 'OSL', 'NAP', 'NAP', 'KEF']),
    nights,
    car: random() < 0.4,
    insured: random() < 0.5,
    budgetCents: 10_000 * (4 + nights + Math.floor(random() * 14)),
  });
});
writeFileSync(1, `${lines.join('\n')}\n`);

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
