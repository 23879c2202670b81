import { Saga, SagaDefinition } from 'backstep';
import { InsideShop, OutsideShop } from './contracts.js';
import type { Slow } from './inputs.js';

const HASTY = { timeout: '2s', retry: { attempts: 2, backoff: { initial: '200ms', factor: 2, max: '1s' } } } as const;
const STUBBORN = { timeout: '5s', retry: { attempts: 500, backoff: { initial: '200ms', factor: 2, max: '2s' } } } as const;
const scriptOf = (step: string) => (given: { readonly input: Slow }) => ({ script: given.input.scripts[step] ?? {} });

@Saga({ name: 'lab-slow', version: 1, deadline: '60s' })
export class LabSlow extends SagaDefinition<Slow> {
  call = this.step(OutsideShop.act, {
    ...HASTY,
    request: scriptOf('call'),
    compensate: { ...STUBBORN, command: OutsideShop.undo, request: scriptOf('call') },
  });
  crawl = this.step(InsideShop.act, {
    ...HASTY,
    after: [],
    request: scriptOf('crawl'),
    compensate: { ...STUBBORN, command: InsideShop.undo, request: scriptOf('crawl') },
  });
  commit = this.pivot(OutsideShop.act, { ...HASTY, request: scriptOf('commit') });
  settle = this.retriable(OutsideShop.finish, { ...STUBBORN, after: this.commit, request: scriptOf('settle') });
  /** Comes back late on purpose: a long timer. */
  archive = this.retriable(InsideShop.finish, {
    timeout: '20s',
    retry: { attempts: 100, backoff: { initial: '6s', factor: 1, max: '6s' } },
    after: this.commit,
    request: scriptOf('archive'),
  });
}
