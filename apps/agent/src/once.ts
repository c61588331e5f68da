import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { connectAgent, type ConnectEvent } from '#agent';
import { type PublishedKind, subjects } from '#contracts';
import { connectOptionsOf } from './credentials.js';
import type { CommonOptions } from './options.js';
import { printEvent } from './print.js';

const receiptTimeout = 10_000;

/** What is done once waits for the broker too; why, is said where somebody can do something about it. */
const sayFailure = (event: ConnectEvent): void => {
  if (event.type === 'failed') printEvent(event);
};

/** Sends one message and waits until it is stored. */
const send = async (options: CommonOptions, kind: PublishedKind, payload: string | Uint8Array): Promise<void> => {
  const { link, id } = await connectAgent(await connectOptionsOf(options), sayFailure);
  await link.request(subjects.agent(id, kind), payload, receiptTimeout).finally(() => link.close());
};

const reasonOf = (reason: string | undefined): string => JSON.stringify(reason === undefined ? {} : { reason });

/** Offline at once (R7). */
export const sayStop = async (options: CommonOptions & { readonly reason?: string }): Promise<void> => {
  await send(options, 'stop', reasonOf(options.reason));
  console.log(`${options.id} has said that it stops`);
};

/** Takes the client off the list (R7), and forgets what it knew. */
export const uninstall = async (options: CommonOptions & { readonly reason?: string }): Promise<void> => {
  await send(options, 'uninstall', reasonOf(options.reason));
  await rm(join(options.state, options.id), { recursive: true, force: true });
  console.log(`${options.id} is uninstalled`);
};

/** Sends a file of JSON as the client's logs. */
export const sendLogs = async (file: string, options: CommonOptions): Promise<void> => {
  const content = await readFile(file);
  await send(options, 'logs', content);
  console.log(`${options.id} has sent ${content.length} bytes of logs`);
};
