import { describe, expect, it } from '@jest/globals';
import { dotOf } from '../../../src/graph/dot.js';
import { layoutOf } from '../../../src/graph/layout.js';
import { mermaidOf } from '../../../src/graph/mermaid.js';
import { graphOf } from '../../../src/graph/model.js';
import { svgOf } from '../../../src/graph/svg.js';
import { definitionView } from '../../../src/http/definition-view.js';
import type { DefinitionView, SagaView } from '../../../src/http/schemas.js';
import { planFrom } from '../../support/plans.js';

/** Two side by side, a check, a step that needs only one of them, a pivot, a retriable. */
const TRIP = definitionView(
  planFrom({
    steps: [
      { name: 'flight' },
      { name: 'hotel', needs: [], when: () => true },
      { name: 'affordable', kind: 'check' },
      { name: 'insure', needs: ['flight'], compensate: false },
      { name: 'bill', kind: 'pivot' },
      { name: 'send', kind: 'retriable' },
    ],
  }),
);
const named = (...names: readonly string[]): DefinitionView => ({
  ...TRIP,
  name: names[0]!,
  steps: names.map((name, index) => ({
    ...TRIP.steps[0]!,
    name,
    needs: names.slice(0, index),
    action: { ...TRIP.steps[0]!.action!, command: name },
    compensation: { ...TRIP.steps[0]!.compensation!, command: name },
  })),
});
const HOSTILE = ['a"]; evil --> b', '</text><script>alert(1)</script>', 'x\u001b[2J\n\\\\"\'', '`]]>&#1;\uffff\ud800', '\\'];

describe('the model', () => {
  it('keeps only the edges that say something', () => {
    const { edges } = graphOf(TRIP);
    expect(edges.map(({ from, to }) => `${from} ${to}`)).toEqual([
      'flight affordable',
      'hotel affordable',
      'flight insure',
      'affordable bill',
      'insure bill',
      'bill send',
    ]);
  });

  it('has the states of a saga, also of what is being undone', () => {
    const steps = [{ name: 'flight', kind: 'step', state: 'compensating', attempts: 1, compensation: { state: 'running', attempts: 1 } }];
    const { nodes } = graphOf(TRIP, { id: 'i', status: 'compensating', steps: steps as SagaView['steps'] });
    expect(nodes.slice(0, 2)).toMatchObject([
      { name: 'flight', state: 'compensating', compensation: { command: 'p.undoflight', state: 'running' } },
      { name: 'hotel', state: undefined, conditional: true },
    ]);
  });
});

describe('Mermaid', () => {
  it('draws parallel steps, a check, a pivot, a retriable, and compensations below their steps', () => {
    expect(mermaidOf(graphOf(TRIP))).toBe(`---
title: "test-saga version 1"
---
flowchart LR
  subgraph step_flight["flight"]
    direction TB
    do_flight["p.flight"]
    undo_flight["p.undoflight"]
    do_flight -. undo .-> undo_flight
    style undo_flight stroke-dasharray:4 3
  end
  subgraph step_hotel["hotel"]
    direction TB
    do_hotel["p.hotel<br/>conditional"]
    undo_hotel["p.undohotel"]
    do_hotel -. undo .-> undo_hotel
    style undo_hotel stroke-dasharray:4 3
  end
  step_affordable{{"affordable<br/>else affordable-failed<br/>check"}}
  step_insure["insure<br/>p.insure"]
  step_bill[["bill<br/>p.bill<br/>pivot"]]
  step_send(["send<br/>p.send<br/>retriable"])
  step_flight --> step_affordable
  step_hotel --> step_affordable
  step_flight --> step_insure
  step_affordable --> step_bill
  step_insure --> step_bill
  step_bill --> step_send
  style step_bill stroke-width:4px
`);
  });

  it('lets no name out of its quotes', () => {
    const text = mermaidOf(graphOf(named(...HOSTILE)));
    const [, ...labels] = text
      .split('flowchart LR')[1]!
      .split(/\["/)
      .map((part) => part.split('"]')[0]!);
    expect(labels).toHaveLength(HOSTILE.length * 3);
    for (const label of labels) expect(label).toMatch(/^(?:[\p{L}\p{N} ._,:/-]|#\d+;)*$/u);
    expect(text.split('\n').filter((line) => /evil|script/.test(line) && !line.includes('["'))).toEqual([
      expect.stringMatching(/^title: /),
    ]);
  });
});

describe('DOT', () => {
  it('puts a compensation into the rank of its step', () => {
    const text = dotOf(graphOf(TRIP));
    expect(text).toContain('  { rank=same; "flight" -> "undo flight" [style=dashed, label="undo"] }\n');
    expect(text).toContain('"bill" [label="bill\\np.bill\\npivot", shape=box, peripheries=2]');
  });

  it('lets no name out of its quotes', () => {
    const strings = /"(?:[^"\\\n]|\\.)*"/g;
    for (const line of dotOf(graphOf(named(...HOSTILE))).split('\n')) {
      expect(line.replace(strings, 'S')).toMatch(/^(?:digraph S \{|\}|[\w\s=,;.{}>[\]-]*)$/);
      expect(line).not.toMatch(/evil(?![^"]*")/);
    }
  });
});

describe('SVG', () => {
  it('is well-formed, and nothing in a name becomes markup', () => {
    for (const definition of [TRIP, named(...HOSTILE), { ...TRIP, steps: [] }]) {
      const text = svgOf(graphOf(definition));
      expect(faultIn(text)).toBeUndefined();
      expect(text).not.toMatch(/<script|NaN|undefined|Infinity/);
    }
  });

  it('gives every step a place of its own, and keeps one free for an edge that passes', () => {
    const graph = graphOf(TRIP);
    const { places, routes, columns, rows } = layoutOf(graph);
    const taken = [...places.values(), ...routes.flatMap(({ via }) => via)].map(({ column, row }) => `${column} ${row}`);
    expect(new Set(taken).size).toBe(taken.length);
    expect([columns, rows]).toEqual([4, 2]);
    const long = layoutOf({ ...graph, edges: [...graph.edges, { from: 'hotel', to: 'send' }] });
    expect(long.routes.at(-1)!.via.map(({ column }) => column)).toEqual([1, 2]);
  });

  it('says the state of a step in words and by its colour', () => {
    const steps = [{ name: 'bill', kind: 'pivot', state: 'stuck', attempts: 1 }] as SagaView['steps'];
    expect(svgOf(graphOf(TRIP, { id: 'i', status: 'stuck', steps }))).toMatch(/<g class="step stuck">.*>stuck<\/text>/);
  });
});

/** What is wrong with a document as XML: a tag without its end, an attribute without quotes, a character that it may not hold. */
function faultIn(text: string): string | undefined {
  // Whatever XML 1.0 does not allow.
  if (/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.test(text)) return 'a character';
  const open: string[] = [];
  for (const [, tag = '', between = ''] of text.matchAll(/<([^<>]*)>([^<]*)/g)) {
    if (/[>]|&(?!(?:lt|gt|amp|quot|#39);)/.test(between)) return `text ${between}`;
    const [, end, name, attributes, self] = /^(\/?)(\w+)((?: [\w:-]+="[^"<&]*")*)(\/?)$/.exec(tag) ?? [];
    if (name === undefined) return `tag ${tag}`;
    if (end && (attributes || open.pop() !== name)) return `end ${tag}`;
    if (!end && !self) open.push(name);
  }
  return open.length > 0 ? `open ${open.join(' ')}` : undefined;
}
