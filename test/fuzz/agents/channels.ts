import type { Schema } from '../from-schema.js';

type Message = { readonly payload?: Schema };
export type AsyncApi = {
  readonly channels: Readonly<
    Record<string, { readonly address: string; readonly messages: Readonly<Record<string, Message>> }>
  >;
  readonly operations: Readonly<
    Record<
      string,
      {
        readonly action: string;
        readonly channel: { readonly $ref: string };
        readonly messages: readonly { readonly $ref: string }[];
        readonly reply?: object;
      }
    >
  >;
};

/** What an agent may send, as the AsyncAPI document describes it. */
export type Channel = {
  readonly name: string;
  readonly address: string;
  readonly schema: Schema;
  readonly isRequest: boolean;
};

const lastOf = ({ $ref }: { readonly $ref: string }): string => $ref.split('/').at(-1) ?? '';

/** Everything that the server hears by its document: a new kind is among it without being named anywhere here. */
export const channelsOf = ({ channels, operations }: AsyncApi): readonly Channel[] =>
  Object.values(operations)
    .filter(({ action }) => action === 'receive')
    .map(({ channel: reference, messages, reply }) => {
      const name = lastOf(reference);
      const channel = channels[name];
      const message = messages[0] && channel?.messages[lastOf(messages[0])];
      return { name, address: channel?.address ?? '', schema: message?.payload ?? {}, isRequest: reply !== undefined };
    });
