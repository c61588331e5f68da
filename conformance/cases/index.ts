import type { Case } from '../case.js';
import { bindingCases } from './binding.js';
import { connectingCases } from './connecting.js';
import { deliveryCases } from './delivery.js';
import { goodbyeCases } from './goodbye.js';
import { healingCases } from './healing.js';
import { levelCases } from './levels.js';
import { loadCases } from './load.js';
import { networkCases } from './networks.js';
import { policyCases } from './policy.js';
import { proofCases } from './proof.js';
import { releaseCases } from './releases.js';
import { serverCases } from './server.js';
import { silenceCases } from './silence.js';
import { timeCases } from './time.js';

/** Every case of every rule. */
export const cases: readonly Case[] = [
  ...networkCases,
  ...proofCases,
  ...silenceCases,
  ...connectingCases,
  ...goodbyeCases,
  ...policyCases,
  ...deliveryCases,
  ...serverCases,
  ...levelCases,
  ...timeCases,
  ...bindingCases,
  ...healingCases,
  ...releaseCases,
  ...loadCases,
];
