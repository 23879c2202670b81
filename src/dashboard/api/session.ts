import { signal } from '@preact/signals';

/** Kept for this tab alone, and gone with it. */
const TOKEN = 'backstep.token';
const BY = 'backstep.by';

export const token = signal(sessionStorage.getItem(TOKEN) ?? '');
/** The API does not answer without a token, or not with this one. */
export const isSignInNeeded = signal(false);
/** Whom a decision is noted as, where the server does not know better. */
export const by = signal(sessionStorage.getItem(BY) ?? '');
/** How far the server's clock is ahead of this one, as far as it matters, in milliseconds. */
export const clockOffset = signal(0);

export function signIn(value: string): void {
  sessionStorage.setItem(TOKEN, value);
  token.value = value;
  isSignInNeeded.value = false;
}
export function signOut(): void {
  sessionStorage.removeItem(TOKEN);
  token.value = '';
  isSignInNeeded.value = true;
}
/** The name that a decision is noted under, where the server knows none. */
export const decider = (): string => (by.value === '' ? 'dashboard' : by.value);
export function rememberBy(value: string): void {
  sessionStorage.setItem(BY, value);
  by.value = value;
}
