import type { Check } from '#contracts';

export const up = (detail: string): Check => ({ state: 'up', detail });
export const starting = (detail: string): Check => ({ state: 'starting', detail });
export const away = (detail: string): Check => ({ state: 'away', detail });
