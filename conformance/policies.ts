import type { Policy } from './shapes.js';

const on = { enabled: true, scope: 'unreachable', interval: 'PT1S' } as const;
const off = { enabled: false, scope: 'unreachable', interval: 'PT1S' } as const;

/**
 * The policies that cases give their clients. Each sets every key, so that what the fleet of a server in use has set
 * makes no difference.
 */
export const policies = {
  /** Goes offline after two seconds of silence. */
  brisk: { heartbeat: on, poll: { enabled: true, interval: 'PT3S' }, offlineAfter: 'PT2S' },
  /** As `brisk`, by polls alone. */
  pollOnly: { heartbeat: off, poll: { enabled: true, interval: 'PT1S' }, offlineAfter: 'PT2S' },
  /** As `brisk`, by beats alone. */
  beatOnly: { heartbeat: on, poll: { enabled: false, interval: 'PT3S' }, offlineAfter: 'PT2S' },
  /** As `brisk`, and direct clients beat too. */
  everybody: { heartbeat: { ...on, scope: 'all' }, poll: { enabled: true, interval: 'PT3S' }, offlineAfter: 'PT2S' },
  /** No silence within a run puts anybody offline. */
  patient: {
    heartbeat: { ...on, interval: 'PT1M' },
    poll: { enabled: true, interval: 'PT5M' },
    offlineAfter: 'PT1H',
  },
  /** As `patient`, by polls alone. */
  patientPolls: { heartbeat: off, poll: { enabled: true, interval: 'PT5M' }, offlineAfter: 'PT1H' },
  /** As `patient`, by beats alone. */
  patientBeats: {
    heartbeat: { ...on, interval: 'PT1M' },
    poll: { enabled: false, interval: 'PT5M' },
    offlineAfter: 'PT1H',
  },
  /** As `patient`, and direct clients beat too. */
  patientEverybody: {
    heartbeat: { ...on, scope: 'all', interval: 'PT1M' },
    poll: { enabled: true, interval: 'PT5M' },
    offlineAfter: 'PT1H',
  },
  /** Neither heartbeat nor polling. */
  mute: { heartbeat: off, poll: { enabled: false, interval: 'PT3S' }, offlineAfter: 'PT2S' },
  /** Speaks once a day by design. */
  daily: { heartbeat: { ...on, interval: 'P1D' }, poll: { enabled: true, interval: 'P3D' }, offlineAfter: 'P2D' },
  /** Removed once it has been offline for two seconds. */
  fleeting: {
    heartbeat: on,
    poll: { enabled: true, interval: 'PT3S' },
    offlineAfter: 'PT1H',
    removeInactiveAfter: 'PT2S',
  },
} as const satisfies Record<string, Policy>;

export type PolicyName = keyof typeof policies;
