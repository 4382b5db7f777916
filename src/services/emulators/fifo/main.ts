import { runService } from '../../process.ts'
import { startFifo } from './server.ts'

runService(startFifo)
