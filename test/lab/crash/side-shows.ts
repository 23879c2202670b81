import amqp from 'amqplib';
import { RUBBISH } from '../kit/canaries.js';
import { Operator } from '../kit/operators.js';
import { setTimeout as delay } from 'node:timers/promises';
import type { Site } from './site.js';

/** Something that goes on beside the load. */
export interface SideShow {
  /** Resolves when it is over. */
  end(): Promise<void>;
}

const RUBBISH_EVERY_MS = 100;
const CANCEL_EVERY_MS = 50;

/** Replies that nobody can read, one after the other; the manifest is told how many. */
export function publishRubbish(site: Site): SideShow {
  return repeatedly(RUBBISH_EVERY_MS, async () => {
    const connection = await amqp.connect(site.lab.options.servers.rabbitmqUrl);
    connection.on('error', () => {});
    const channel = await connection.createConfirmChannel();
    return {
      once: async () => {
        site.rubbish += 1;
        channel.sendToQueue(site.lab.queues.replies, Buffer.from(`${RUBBISH} is no reply at all, ${site.rubbish}`), {
          messageId: `rubbish-${site.rubbish}`,
        });
        await channel.waitForConfirms();
        site.lab.writeManifest({ injectedRubbish: site.rubbish });
      },
      close: async () => connection.close(),
    };
  });
}

/** Cancels a saga that is under way, again and again; one that has ended meanwhile says no. */
export function cancelSome({ lab, options }: Site): SideShow {
  return repeatedly(CANCEL_EVERY_MS, async () => {
    const operator = new Operator(lab.client(), options.directory);
    return {
      once: async () => {
        const saga = await operator.api.one('running');
        if (saga !== undefined) await operator.decide(saga, 'cancel');
      },
      close: async () => operator.close(),
    };
  });
}

function repeatedly(everyMs: number, open: () => Promise<{ once(): Promise<void>; close(): Promise<void> }>): SideShow {
  const over = new AbortController();
  const running = (async () => {
    const show = await open();
    try {
      while (!over.signal.aborted) {
        await show.once();
        await delay(everyMs, undefined, { signal: over.signal }).catch(() => undefined);
      }
    } finally {
      await show.close();
    }
  })();
  // Its fault is told at the end.
  running.catch(() => undefined);
  return {
    end: async () => {
      over.abort();
      await running;
    },
  };
}
