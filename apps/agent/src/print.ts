import { styleText } from 'node:util';
import type { AgentEvent } from '#agent';

type Style = Parameters<typeof styleText>[0];

/** Colour on a terminal only, and not where NO_COLOR is set. */
const paint = (style: Style, text: string): string =>
  process.stdout.isTTY && !process.env['NO_COLOR'] ? styleText(style, text) : text;

const line = (text: string): void => console.log(`${paint('dim', new Date().toISOString())} ${text}`);

/** Says what the agent does, a line each. */
export const printEvent = (event: AgentEvent): void => {
  switch (event.type) {
    case 'connected':
      return line(paint('green', 'connected to the broker'));
    case 'disconnected':
      return line(paint('yellow', 'the broker is away; nothing is sent until it is back'));
    case 'refused':
      return line(
        paint('red', 'the broker takes this credential no longer; if it was revoked, enrol anew with a token'),
      );
    case 'awaiting-approval':
      return line(paint('yellow', `waiting until an administrator approves the enrolment ${event.enrolment}`));
    case 'enrolled':
      return line(paint('green', `enrolled; the credential is valid until ${event.expiresAt}`));
    case 'renewed':
      return line(`renewed the credential; it is valid until ${event.expiresAt}`);
    case 'split':
      return line(paint('green', `was a copy of ${event.from}, and is the client ${event.clientId} from now on`));
    case 'heartbeat':
      return line(paint('dim', 'heartbeat'));
    case 'answered':
      return line(`${event.kind}: ${describe(event.reply)}`);
    case 'settings-applied':
      return line(paint('green', `applied settings revision ${event.revision}`));
    case 'update-started':
      return line(`downloading ${event.update.component} ${event.update.version} from ${event.update.url}`);
    case 'update-applied':
      return line(paint('green', `applied ${event.update.component} ${event.update.version}`));
    case 'failed': {
      const again = event.retryInSeconds === undefined ? '' : `; again in ${event.retryInSeconds} s`;
      return line(paint('red', `${event.what} failed: ${event.error}${again}`));
    }
  }
};

type Reply = Extract<AgentEvent, { type: 'answered' }>['reply'];

const describe = ({ policy, settings, updates, more }: Reply): string => {
  const beats = policy.heartbeat.enabled ? `beat every ${policy.heartbeat.interval}` : 'no beats';
  const polls = policy.poll.enabled ? `poll every ${policy.poll.interval}` : 'no polls';
  const work = [
    ...(settings ? [`settings revision ${settings.revision}`] : []),
    ...updates.map(({ component, version }) => `${component} ${version}`),
    ...(more ? ['more to come'] : []),
  ];
  return `${work.length > 0 ? work.join(', ') : 'nothing new'} (${beats}, ${polls})`;
};
