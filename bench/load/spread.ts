import { contactLimit } from '#domain';

/** Beats bunch up on their way where the broker stalls: nobody is to send more than half of what one may (G12). */
const share = 0.5;

/**
 * Makes sure that so many contacts a second, of so many clients in turn, are within what the server takes of one client.
 *
 * @throws when there are too few clients for the rate; the message says how many it takes
 */
export const assertSpread = (perSecond: number, clients: number): void => {
  const { contacts, window } = contactLimit;
  const most = contacts * share;
  const each = (perSecond * window) / 1000 / clients;
  if (each <= most) return;
  const needed = Math.ceil((perSecond * window) / 1000 / most);
  throw new Error(
    `${Math.round(perSecond)} contacts a second of ${clients} clients are ${Math.round(each)} of each in ` +
      `${window / 1000} s; the server takes ${contacts} of one client, and half of them are kept free. Run it with ` +
      `--clients ${needed} or more.`,
  );
};
