import type { Fault } from '../fault.js';
import type { Actor, Scene } from '../scene.js';

type Role = Actor['role'];
const noun = (role: Role) => (role === 'daemon' ? 'daemon' : 'participants');
const those = (scene: Scene, role: Role) => scene.actors.filter((actor) => actor.role === role);

/** Processes killed, stopped, restarted, kept busy, and with wrong clocks. */
export const PROCESS_FAULTS: readonly Fault[] = [
  ...(['daemon', 'participants'] as const).flatMap((role): Fault[] => [
    {
      kind: `kill-${noun(role)}`,
      rows: role === 'daemon' ? ['A3', 'A4', 'A6', 'A8', 'A11'] : ['B1', 'B2', 'B3', 'B4'],
      seconds: [0.3, 3],
      aim: one(role, { begin: (actor) => actor.kill(), end: (actor) => actor.start() }),
    },
    {
      kind: `terminate-${noun(role)}`,
      rows: role === 'daemon' ? ['A13'] : ['B15'],
      seconds: [0.3, 2],
      aim: one(role, { begin: (actor) => actor.terminate(), end: (actor) => actor.start() }),
    },
    {
      kind: `pause-${noun(role)}`,
      rows: role === 'daemon' ? ['G2', 'G3'] : ['B5', 'B8', 'B19'],
      seconds: [2, 15],
      aim: one(role, { begin: async (actor) => actor.pause(), end: async (actor) => actor.resume() }),
    },
    {
      kind: `block-${noun(role)}`,
      rows: role === 'daemon' ? ['G4'] : ['B19'],
      seconds: [2, 8],
      aim(scene, chance, seconds) {
        const actor = chance.pick(those(scene, role));
        return {
          touches: [actor.name],
          detail: { process: actor.name },
          begin: async () => actor.misbehave({ blockMs: seconds * 1_000 }),
          end: async () => {},
        };
      },
    },
    {
      kind: `skew-${noun(role)}`,
      rows: role === 'daemon' ? ['F1'] : ['F1', 'J9'],
      seconds: [4, 12],
      aim(scene, chance) {
        const actor = chance.pick(those(scene, role));
        const hours = chance.pick([-24, -1, 1, 24]);
        return {
          touches: [actor.name],
          detail: { process: actor.name, hours },
          begin: async () => actor.misbehave({ skewMs: hours * 3_600_000 }),
          end: async () => actor.misbehave({ skewMs: 0 }),
        };
      },
    },
  ]),
  {
    kind: 'kill-all-daemons',
    rows: ['A12'],
    seconds: [0.3, 2],
    aim: all('daemon'),
  },
  {
    kind: 'kill-all-participants',
    rows: ['I14'],
    seconds: [1, 4],
    aim: all('participants'),
  },
  {
    kind: 'crash-loop-daemon',
    rows: ['A12'],
    seconds: [3, 6],
    aim: crashLoop('daemon'),
  },
  {
    kind: 'crash-loop-participants',
    rows: ['C2'],
    seconds: [3, 6],
    aim: crashLoop('participants'),
  },
];

function one(role: Role, work: { begin(actor: Actor): Promise<void>; end(actor: Actor): Promise<void> }): Fault['aim'] {
  return (scene, chance) => {
    const actor = chance.pick(those(scene, role));
    return {
      touches: [actor.name],
      detail: { process: actor.name },
      begin: () => work.begin(actor),
      end: () => work.end(actor),
    };
  };
}

function all(role: Role): Fault['aim'] {
  return (scene) => {
    const actors = those(scene, role);
    return {
      touches: actors.map(({ name }) => name),
      begin: async () => void (await Promise.all(actors.map((actor) => actor.kill()))),
      end: async () => void (await Promise.all(actors.map((actor) => actor.start()))),
    };
  };
}

/** Killed again and again, just as it has begun to work. */
function crashLoop(role: Role): Fault['aim'] {
  return (scene, chance, seconds) => {
    const actor = chance.pick(those(scene, role));
    const pauses = [chance.between(800, 2_500), chance.between(800, 2_500)];
    let isOver = false;
    let looping: Promise<number> = Promise.resolve(0);
    const loop = async () => {
      let crashes = 0;
      for (const giveUpAt = performance.now() + seconds * 1_000; !isOver && performance.now() < giveUpAt; crashes++) {
        await actor.kill();
        await actor.start();
        await new Promise((resolve) => setTimeout(resolve, pauses[crashes % pauses.length]));
      }
      return crashes;
    };
    return {
      touches: [actor.name],
      detail: { process: actor.name },
      begin: async () => {
        looping = loop();
      },
      end: async () => {
        isOver = true;
        return { crashes: await looping };
      },
    };
  };
}
