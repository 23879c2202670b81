/**
 * Stands for whatever is not among the names that are known: what comes from outside must not make labels, of which each is kept for
 * ever. No saga, participant or queue can be called so.
 */
export const OTHER = '(other)';
