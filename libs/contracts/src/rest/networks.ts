import { z } from 'zod';

const network = z.strictObject({
  name: z.string().min(1).max(128),
  ranges: z.array(z.string().min(1).max(128)).min(1).max(10_000),
});
export const networksBody = z
  .array(network)
  .max(10_000)
  .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, 'each network needs a name of its own');
