import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { until } from '../helpers/conditions.js';
import { brokersToTry } from '../helpers/secure-broker.js';
import { makeToken, type SecureSystem, startSecureSystem } from '../helpers/secure-system.js';

type Verification = { readonly id: string; readonly state: string; readonly progress: object };

describe.each(brokersToTry)('who is revoked, with %s', (_, program) => {
  let system: SecureSystem;
  let fleet: NatsConnection;

  beforeAll(async () => {
    system = await startSecureSystem(program);
    fleet = await connect({ servers: system.broker.url, ...system.broker.fleet() });
  }, 240_000);
  afterAll(async () => {
    await fleet.close();
    await system.stop();
  });

  /** How often the broker was told so far, by the log of the server. */
  const told = (): number => system.server.log().split('the broker was told who is revoked').length - 1;
  const remove = async ({ id }: { readonly id: string }): Promise<void> => {
    expect((await system.rest.send('DELETE', `/v1/enrolment-tokens/${id}`)).status).toBe(204);
  };

  test('many one after the other are told the broker together, for each time disturbs it', async () => {
    const tokens = await Promise.all(Array.from({ length: 20 }, () => makeToken(system.rest)));
    const before = told();
    const began = Date.now();
    for (const token of tokens) await remove(token);
    await until(async () => told() > before + 1);
    const seconds = (Date.now() - began) / 1_000;
    expect(told() - before).toBeLessThanOrEqual(seconds + 2);
    const { items } = await system.rest.get<{ items: readonly object[] }>('/v1/enrolment-tokens');
    expect(items).toHaveLength(0);
  }, 60_000);

  test('R19 nobody else is offline for it, though the answers that are under way then get lost', async () => {
    const ids = Array.from({ length: 50 }, (_, i) => `pc-${i}`);
    const asked: string[] = [];
    let lost = 0;
    let isTold: Promise<unknown> | undefined;
    for (const id of ids) {
      fleet.subscribe(`reachback.v1.${id}.notify`, {
        callback: (_, message) => {
          asked.push(id);
          if (asked.filter((one) => one === id).length > 1) lost++;
          isTold ??= tellOfOne();
          void isTold.then(() => message.respond());
        },
      });
    }
    const tellOfOne = async (): Promise<void> => {
      const before = told();
      await remove(await makeToken(system.rest));
      await until(async () => told() > before);
    };
    await fleet.flush();
    for (const id of ids) await fleet.request(`reachback.v1.${id}.register`, '{"ips":["192.168.7.7"]}');
    const { id } = (await system.rest.send<Verification>('POST', '/v1/verifications')).body;
    const { progress } = await until(
      () => system.rest.get<Verification>(`/v1/verifications/${id}`),
      ({ state }) => state === 'finished',
    );
    expect(progress).toMatchObject({ asked: 50, answered: 50, unanswered: 0 });
    expect(lost).toBeGreaterThan(0);
    const { byStatus } = await system.rest.get<{ byStatus: Record<string, number> }>('/v1/fleet');
    expect(byStatus['Online']).toBe(50);
  }, 60_000);
});
