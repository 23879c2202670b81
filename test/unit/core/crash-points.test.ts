import { afterEach, describe, expect, it } from '@jest/globals';
import { CRASH_POINTS, onPass, pass } from '../../../src/core/crash-points.js';
import { codeOf, sourcesIn } from '../../support/imports.js';

const MODULE = 'src/core/crash-points.ts';
const declared = Object.keys(CRASH_POINTS);
const code = sourcesIn('src')
  .filter((file) => file !== MODULE)
  .map((file) => ({ file, text: codeOf(file) }))
  .filter(({ text }) => text.includes('core/crash-points.js'));

/** Points that a source names. */
function namedIn(text: string): string[] {
  const places = new Set(declared.map((point) => point.split('.')[0]));
  return [...text.matchAll(/'([a-z-]+)\.([a-z-]+)'/g)]
    .filter(([, place]) => places.has(place))
    .map(([, place, moment]) => `${place}.${moment}`);
}

describe('crash points', () => {
  afterEach(() => onPass(undefined));

  it('are all passed somewhere', () => {
    const passed = new Set(code.flatMap(({ text }) => namedIn(text)));
    expect(declared.filter((point) => !passed.has(point))).toEqual([]);
  });

  it('are all declared where they are passed', () => {
    const strangers = code.flatMap(({ file, text }) =>
      namedIn(text)
        .filter((point) => !declared.includes(point))
        .map((point) => `${file}: ${point}`),
    );
    expect(strangers).toEqual([]);
    expect(namedIn(`pass('store.nowhere')`)).toEqual(['store.nowhere']);
  });

  it('tell who listens, and nobody else', () => {
    const heard: string[] = [];
    pass('batch.taken');
    onPass((point) => heard.push(point));
    pass('store.locked');
    onPass(undefined);
    pass('store.decided');
    expect(heard).toEqual(['store.locked']);
  });
});
