import { jetstreamManager } from '@nats-io/jetstream';
import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { contactStream, storageSchema } from '#contracts';
import { readStorage } from '#event-log';
import { Requires } from '../access/requires.js';
import { type ApiContext, Context } from '../context.js';

const brokerTimeout = 1_500;

@ApiTags('log')
@Controller('v1/storage')
export class StorageController {
  constructor(@Context() private readonly context: ApiContext) {}

  @Requires('viewer', { fleet: true })
  @Get()
  @ApiOperation({ summary: 'What is stored where, in bytes, and how fast it grows' })
  @ApiOkResponse({ standardSchema: storageSchema })
  async get() {
    const { db, contactDays: keptDays } = this.context;
    const [storage, stream] = await Promise.all([readStorage(db), this.stream()]);
    return { asOf: new Date(), ...storage, contacts: { ...storage.contacts, keptDays }, stream };
  }

  private async stream() {
    try {
      const manager = await jetstreamManager(this.context.nats, { timeout: brokerTimeout });
      const { state } = await manager.streams.info(contactStream.name);
      return { bytes: state.bytes, messages: state.messages };
    } catch {
      return null;
    }
  }
}
