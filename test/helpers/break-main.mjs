// Loaded into a server before its own main: has its thread of the intake throw what nobody expects, when it is asked.
import { BroadcastChannel, isMainThread } from 'node:worker_threads';

const channel = new BroadcastChannel('break');
channel.unref();

if (isMainThread) process.on('message', (message) => message === 'break' && channel.postMessage(message));
else
  channel.onmessage = () => {
    throw new Error('the intake is broken');
  };
