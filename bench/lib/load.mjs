// The load: the same business payload for every system, saturating or paced.

/** About 300 bytes, or more where `bytes` says so. */
export function payload(number, bytes = 300) {
  const order = {
    orderId: `ord-${number}`,
    customerId: `cust-${number % 1000}`,
    currency: 'EUR',
    total: 12_999 + (number % 100),
    lines: [
      { sku: 'SKU-000123', qty: 2, price: 4_999 },
      { sku: 'SKU-000987', qty: 1, price: 3_001 },
    ],
    shipTo: { name: 'Jane Example', street: '1 Long Street Name', city: 'Springfield', zip: '12345' },
    note: 'leave at the door please',
  };
  return bytes > 300 ? { ...order, note: order.note.padEnd(order.note.length + bytes - 300, ' and ring twice') } : order;
}

/**
 * How many sagas end before the measured ones, where Backstep is measured with so many. Slower systems have fewer to be measured, and as many
 * to get warm.
 */
export const warmUp = (count) => Math.min(1_000, Math.ceil(count / 5));
/** The same where sagas come at a rate: as the peers' runner has it, and five seconds at one that no process is given that was just begun. */
export const pacedWarmUp = (count, rate) => (rate > 100 ? 5 * rate : Math.min(60, count));
/** Between the two, so that what the first have left is not counted; the peers' runner waits as long. */
export const REST_MS = 300;

/** Keeps `window` sagas in flight until `count` have ended; milliseconds from start to end of each. */
export async function saturate(start, { count, window, fails, bytes }) {
  const took = [];
  let next = 0;
  const worker = async () => {
    while (next < count) {
      const number = next++;
      const since = performance.now();
      await start(payload(number, bytes), fails);
      took.push(performance.now() - since);
    }
  };
  await Promise.all(Array.from({ length: Math.min(window, count) }, worker));
  return took;
}
/** Starts `rate` sagas a second whether or not the earlier ones have ended. */
export async function pace(start, { count, rate, fails, bytes }) {
  const took = [];
  const begun = performance.now();
  const running = [];
  for (let number = 0; number < count; number++) {
    const wait = begun + (number * 1_000) / rate - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    const since = performance.now();
    running.push(start(payload(number, bytes), fails).then(() => took.push(performance.now() - since)));
  }
  await Promise.all(running);
  return took;
}
