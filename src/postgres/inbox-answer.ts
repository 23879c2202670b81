/** The database has said nothing for too long: the way to it may be gone, which a connection notices only after a quarter of an hour. */
export class NoAnswer extends Error {
  constructor(ms: number) {
    super(`the database has not answered within ${ms} ms`);
  }
}

/**
 * What a question to the database gives, or {@link NoAnswer} after `ms`; the connection is then of no use any more. `tooLate` gets what
 * comes afterwards all the same.
 */
export async function inTime<T>(ms: number, asked: Promise<T>, tooLate: (value: T) => void = () => undefined): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let isLate = false;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      isLate = true;
      reject(new NoAnswer(ms));
    }, ms);
  });
  asked.then(
    (value) => isLate && tooLate(value),
    () => undefined,
  );
  try {
    return await Promise.race([asked, late]);
  } finally {
    clearTimeout(timer);
  }
}
