/** Bounds of buckets, in seconds: a transaction, or a group of commands. */
export const TRANSACTION_SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15] as const;
/** A step: from one that is answered at once to one that is tried for an hour. */
export const STEP_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3_600] as const;
/** A saga: the same, up to a day. */
export const SAGA_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3_600, 86_400] as const;
/** How late a timer is looked at. */
export const LATENESS_SECONDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3_600] as const;
/** Things that go together. */
export const SIZES = [1, 2, 5, 10, 20, 50, 100, 200, 500] as const;
