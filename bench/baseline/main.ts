// The baseline by itself: `node dist/bench/baseline/main.js`, with BASELINE_NATS_URL and BASELINE_DATABASE_URL (an empty
// database). Beats are published to `baseline.<clientId>.heartbeat` as {"clientId": "…"}.
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { type MicroserviceOptions, Transport } from '@nestjs/microservices';
import { BaselineModule } from './app.js';

const natsUrl = process.env['BASELINE_NATS_URL'];
const databaseUrl = process.env['BASELINE_DATABASE_URL'];
if (natsUrl === undefined || databaseUrl === undefined) {
  console.error('BASELINE_NATS_URL and BASELINE_DATABASE_URL must be set: a broker, and an empty database.');
  process.exit(2);
}
process.once('disconnect', () => process.exit(0));

const app = await NestFactory.createMicroservice<MicroserviceOptions>(await BaselineModule.connect(databaseUrl), {
  transport: Transport.NATS,
  options: { servers: natsUrl },
  logger: ['warn', 'error'],
});
await app.listen();
process.send?.('listening');
if (!process.send) console.log('The baseline listens.');
