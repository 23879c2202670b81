import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from '../fault.js';
import type { Link, Scene } from '../scene.js';
import type { Proxy } from '../proxy.js';
import type { Arming, Trigger } from '../triggers.js';

const to = (scene: Scene, server: Link['to'] | undefined, role?: Link['owner']['role']) =>
  scene.links.filter((link) => (server === undefined || link.to === server) && (role === undefined || link.owner.role === role));

/** The ways between processes and servers: cut, stalled, slow, and meddled with at single frames. */
export const LINK_FAULTS: readonly Fault[] = [
  link('cut', ['E1', 'D3'], [0.1, 0.3], (proxy) => proxy.cut()),
  link('refuse', ['E3', 'D1'], [2, 6], (proxy) => proxy.refuse()),
  link('stall-both', ['D14', 'E6'], [3, 10], (proxy) => proxy.stall('both')),
  link('stall-to-server', ['D14', 'E6'], [3, 10], (proxy) => proxy.stall('toServer')),
  link('stall-to-client', ['D14', 'E6', 'D12'], [3, 10], (proxy) => proxy.stall('toClient')),
  link('delay', ['B21', 'C11'], [4, 12], (proxy) => proxy.delay(150)),
  link('throttle', ['D19'], [4, 12], (proxy) => proxy.throttle(20_000)),
  link('cut-handshake', ['D13'], [1, 3], (proxy) => {
    proxy.cut();
    proxy.cutAfter(120);
  }),
  {
    kind: 'flap',
    rows: ['D18'],
    seconds: [6, 14],
    aim(scene, chance) {
      const hit = chance.pick(scene.links);
      let timer: NodeJS.Timeout | undefined;
      let isDown = false;
      const turn = () => {
        isDown = !isDown;
        if (isDown) hit.proxy.refuse();
        else hit.proxy.heal();
      };
      return {
        touches: [hit.name],
        detail: { link: hit.name },
        begin: async () => {
          turn();
          timer = setInterval(turn, 2_000);
        },
        end: async () => {
          clearInterval(timer);
          hit.proxy.heal();
        },
      };
    },
  },
  {
    kind: 'swizzle',
    rows: ['G9'],
    seconds: [6, 12],
    aim(scene, chance, seconds) {
      const links = chance.shuffled(scene.links);
      const back = chance.shuffled(scene.links);
      const stepMs = (seconds * 1_000) / (2 * links.length);
      const oneByOne = async (list: readonly Link[], act: (proxy: Proxy) => void) => {
        for (const { proxy } of list) {
          act(proxy);
          await new Promise((resolve) => setTimeout(resolve, stepMs));
        }
      };
      let stalling = Promise.resolve();
      return {
        touches: links.map(({ name }) => name),
        detail: { stopped: links.map(({ name }) => name), restored: back.map(({ name }) => name) },
        begin: async () => {
          stalling = oneByOne(links, (proxy) => proxy.stall('both')).then(() => oneByOne(back, (proxy) => proxy.heal()));
        },
        end: async () => {
          await stalling;
          for (const { proxy } of links) proxy.heal();
        },
      };
    },
  },
  trigger('swallow-commit', ['E5', 'B20'], 'postgres', { times: 6 }),
  trigger('swallow-commit-answer', ['E4', 'A8', 'B3', 'B20'], 'postgres', { times: 6 }),
  trigger('hold-commit', ['G3', 'B14'], 'postgres', { times: 3, holdMs: 2_500 }),
  trigger('swallow-publish', ['A4', 'D12'], 'rabbitmq', { times: 4 }),
  trigger('swallow-confirm', ['A4', 'D12', 'B4'], 'rabbitmq', { times: 4 }),
  trigger('swallow-confirm-and-cut', ['A5', 'D12', 'B4'], 'rabbitmq', { times: 4 }),
  trigger('nack-publish', ['D11'], 'rabbitmq', { times: 20 }),
  trigger('swallow-ack', ['A8', 'B3', 'C11'], 'rabbitmq', { times: 3 }),
  trigger('duplicate-publish', ['C11', 'B6'], 'rabbitmq', { times: 40 }),
  trigger('cut-in-frame', ['D13'], 'rabbitmq', { times: 3 }),
  trigger('cut-in-message', ['D13', 'E1'], 'postgres', { times: 3 }, 'cut-in-frame'),
  // Commands are overtaken by what comes after them: also by their undo, if that is soon enough.
  trigger(
    'detain-command',
    ['B12', 'B13', 'B15', 'C11'],
    'rabbitmq',
    { times: 12, holdMs: 8_000, address: /\.commands\// },
    'detain-publish',
    'daemon',
  ),
  trigger('detain-reply', ['B8', 'B10', 'C11'], 'rabbitmq', { times: 12, holdMs: 8_000 }, 'detain-publish', 'participants'),
];

function link(kind: string, rows: readonly string[], seconds: Fault['seconds'], act: (proxy: Proxy) => void): Fault {
  return {
    kind,
    rows,
    seconds,
    aim(scene, chance) {
      const hit = chance.pick(scene.links);
      return {
        touches: [hit.name],
        detail: { link: hit.name },
        begin: async () => act(hit.proxy),
        end: async () => hit.proxy.heal(),
      };
    },
  };
}

function trigger(
  kind: string,
  rows: readonly string[],
  server: Link['to'],
  arming: Arming,
  name = kind as Trigger,
  role?: Link['owner']['role'],
): Fault {
  return {
    kind,
    rows,
    seconds: [3, 8],
    isEssential: true,
    aim(scene, chance) {
      const hit = chance.pick(to(scene, server, role));
      const after = chance.between(0, 6);
      let before = 0;
      return {
        touches: [hit.name],
        detail: { link: hit.name },
        begin: async () => {
          before = hit.proxy.triggers.fired[name];
          hit.proxy.arm(name, { ...arming, after });
        },
        end: async () => {
          // Behind an outage nothing passes: what has not happened yet gets some more time.
          for (let left = 50; left > 0 && hit.proxy.triggers.fired[name] === before; left--) await delay(200);
          hit.proxy.heal();
          return { fired: hit.proxy.triggers.fired[name] - before };
        },
      };
    },
  };
}
