import { runService } from '../../process.ts'
import { startTei } from './server.ts'

runService(startTei)
