import type { InlineProjection } from '#event-log';
import { adminKeys } from './admin-keys.js';
import { audit } from './audit.js';
import { clients } from './clients.js';
import { copies } from './copies.js';
import { counts } from './counts.js';
import { delivery } from './delivery.js';
import { enrolment } from './enrolment.js';
import { networks } from './networks.js';
import { presence } from './presence.js';
import { releases } from './releases.js';
import { settings } from './settings.js';
import { verifications } from './verifications.js';

/** What is true as soon as a fact is: applied by every append, in its transaction. */
export const inlineProjections: readonly InlineProjection[] = [
  clients,
  presence,
  settings,
  networks,
  releases,
  delivery,
  verifications,
  adminKeys,
  enrolment,
  copies,
  counts,
  audit,
];
