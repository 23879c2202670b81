import type { ChannelModel } from 'amqplib';
import type { Socket } from 'node:net';

/**
 * The client library writes every frame to the socket by itself, a system call and mostly a packet each, on both sides. This holds
 * back what is written within one turn of the event loop and writes it at once: nothing waits longer than the turn.
 */
export function gatherWrites(connection: ChannelModel): void {
  const { stream } = connection.connection as unknown as { readonly stream?: Socket };
  // Not part of the library's types: without it everything works, only slower.
  if (typeof stream?.cork !== 'function') return;
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
  let isHeld = false;
  const letGo = () => {
    isHeld = false;
    stream.uncork();
  };
  stream.write = (...args: unknown[]): boolean => {
    if (!isHeld) {
      isHeld = true;
      stream.cork();
      process.nextTick(letGo);
    }
    return write(...args);
  };
}
