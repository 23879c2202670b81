import { describe, expect, it } from '@jest/globals';
import type { SagaState } from '../../../src/core/state.js';
import { guarded, together } from '../../../src/engine/observer.js';
import { LogBook } from '../../support/engine.js';

const letter = { queue: 'q', reason: 'r' };

describe('observers of an engine', () => {
  it('are all told when they are together, and the same', () => {
    const told: unknown[] = [];
    const one = together([
      { deadLettered: (given) => void told.push(['first', given]) },
      {},
      { deadLettered: (given) => void told.push(['second', given]), sagaChanged: (state, history) => void told.push([state, history]) },
    ]);
    one.deadLettered!(letter);
    const state = { id: 's' } as SagaState;
    const history = [{ seq: 1, at: 1, event: 'started', effects: [] }] as const;
    guarded(one, new LogBook()).sagaChanged!(state, history);
    expect(told).toEqual([
      ['first', letter],
      ['second', letter],
      [state, history],
    ]);
    expect(told[2]).toContain(history);
  });

  it('do not keep each other from being told, and the fault is said', () => {
    const logs = new LogBook();
    const told: string[] = [];
    const fails = () => {
      throw new Error('a bug in telemetry');
    };
    const observer = guarded(together([{ sagaEnded: fails }, { sagaEnded: () => void told.push('told') }]), logs);
    observer.sagaEnded!({} as SagaState);
    observer.sagaEnded!({} as SagaState);
    expect(told).toEqual(['told', 'told']);
    expect(logs.count('an observer of the engine failed')).toBe(1);
  });

  it('leave absent what none of them takes', () => {
    expect(Object.keys(guarded(together([{ sagaEnded: () => {} }, {}]), new LogBook()))).toEqual(['sagaEnded']);
  });

  it('are told with themselves as this', () => {
    class Telling {
      ended = 0;
      sagaEnded(): void {
        this.ended += 1;
      }
    }
    const telling = new Telling();
    together([telling]).sagaEnded!({} as SagaState);
    expect(telling.ended).toBe(1);
  });
});
