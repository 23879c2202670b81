import { Container } from 'inversify';
import { messageOf } from '../core/errors.js';

/* oxlint-disable typescript/no-explicit-any -- a constructor of whatever parameters */

export type AnyClass = new (...dependencies: any[]) => object;
/** An instance, or why there is none, in words for the person who wrote the class. */
export type Made = { readonly ok: true; readonly instance: object } | { readonly ok: false; readonly fault: string };

/**
 * Makes one instance of a class with what the container binds. The class itself need not be bound, what its constructor asks for must
 * be: a forgotten binding is a fault and never a silently made object.
 */
export function makeIn(container: Container, type: AnyClass): Made {
  try {
    if (container.isBound(type)) return { ok: true, instance: container.get<object>(type) };
    const own = new Container({ parent: container });
    own.bind(type).toSelf();
    return { ok: true, instance: own.get<object>(type) };
  } catch (error: unknown) {
    return { ok: false, fault: inWords(messageOf(error)) };
  }
}

/** Makes an instance of a class whose constructor asks for nothing. */
export function makeAlone(type: AnyClass): Made {
  return makeIn(new Container(), type);
}

function inWords(message: string): string {
  const unbound = /No bindings? found for service: "(.+?)"\./.exec(message)?.[1];
  if (unbound !== undefined)
    return `nothing is bound to ${unbound}, which its constructor asks for; bind it in a ContainerModule that the saga folder exports`;
  if (message.includes('unexpected missing metadata')) return 'every parameter of its constructor needs an @inject(…)';
  return `it cannot be made: ${message.split('\n', 1)[0] ?? message}`;
}
