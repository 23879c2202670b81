/** What somebody may do: look; start and operate sagas; read the audit as well. Each may all that the one before it may. */
export const ROLES = ['read', 'operate', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** Who is calling, as far as the server knows. */
export interface Principal {
  /** How that is known; `off`: not at all, everybody who reaches the server may everything. */
  readonly auth: 'off' | 'token' | 'oidc';
  readonly name: string;
  readonly role: Role;
  /** Which token it was, without being one: the beginning of its hash, or the subject (and id) of a JWT. */
  readonly tokenId: string | null;
  /** The only definitions it reaches; absent: all of them. */
  readonly definitions?: readonly string[];
}

/** Whoever reaches a server without authentication. */
export const ANYBODY: Principal = { auth: 'off', name: 'local', role: 'admin', tokenId: null };

export function mayAs(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

export function reaches({ definitions }: Principal, definition: string): boolean {
  return definitions === undefined || definitions.includes(definition);
}
