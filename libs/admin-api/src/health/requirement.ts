import type { Requirement } from '../access/requires.js';

/** What `/metrics` needs, in a process with the REST API and in one without. */
export const metricsRequirement: Requirement = { role: 'viewer', fleet: true };
