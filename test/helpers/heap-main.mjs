// Loaded into a server before its own main, and into its thread of the intake: has both collect their garbage when it is asked,
// and says what is left.
import { once } from 'node:events';
import { BroadcastChannel, isMainThread } from 'node:worker_threads';

const patience = 30_000;
const channel = new BroadcastChannel('heap');
channel.unref();

const held = () => {
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return { heap: heapUsed, buffers: external };
};

const answer = async (message) => {
  if (message !== 'collect') return;
  const others = once(channel, 'message', { signal: globalThis.AbortSignal.timeout(patience) });
  channel.postMessage('collect');
  const [{ data }] = await others;
  const own = held();
  process.send({ heap: own.heap + data.heap, buffers: own.buffers + data.buffers });
};

if (isMainThread) process.on('message', answer);
else channel.onmessage = () => channel.postMessage(held());
