/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ubx_msg: the messages of a u-blox 7: one row per message, one row per
 * field (u-blox 7 protocol specification V14, sections 34 to 41).
 *
 * A row gives offset, type and, for a bit field, its lowest bit and width, and
 * value * 10^exponent in `unit`. A field whose offset lies behind the fixed part of
 * its message belongs to the repeated group; its offset is that in the first one.
 * Reserved bytes and bits have no row, so that they are neither read nor compared.
 *
 * Pure: no state at all.
 */
#ifndef UBX_MSG_H
#define UBX_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Class and message name, class, id, length (fixed part), other length in use (0 none), size of the
 * repeated group (0 none). 92 bytes of NAV-PVT: u-blox 8 and later. 68 of MON-HW: u-blox 6 (VP[25],
 * so only the first 28 agree). */
#define UBX_MESSAGES(M)                       \
	M(NAV, POSLLH, 0x01, 0x02, 28, 0, 0)  \
	M(NAV, STATUS, 0x01, 0x03, 16, 0, 0)  \
	M(NAV, SOL, 0x01, 0x06, 52, 0, 0)     \
	M(NAV, PVT, 0x01, 0x07, 84, 92, 0)    \
	M(NAV, VELNED, 0x01, 0x12, 36, 0, 0)  \
	M(NAV, TIMEUTC, 0x01, 0x21, 20, 0, 0) \
	M(NAV, SVINFO, 0x01, 0x30, 8, 0, 12)  \
	M(ACK, NAK, 0x05, 0x00, 2, 0, 0)      \
	M(ACK, ACK, 0x05, 0x01, 2, 0, 0)      \
	M(CFG, PRT, 0x06, 0x00, 20, 0, 0)     \
	M(CFG, MSG, 0x06, 0x01, 8, 3, 0)      \
	M(CFG, INF, 0x06, 0x02, 0, 0, 10)     \
	M(CFG, RST, 0x06, 0x04, 4, 0, 0)      \
	M(CFG, RATE, 0x06, 0x08, 6, 0, 0)     \
	M(CFG, CFG, 0x06, 0x09, 13, 12, 0)    \
	M(CFG, RXM, 0x06, 0x11, 2, 0, 0)      \
	M(CFG, ANT, 0x06, 0x13, 4, 0, 0)      \
	M(CFG, SBAS, 0x06, 0x16, 8, 0, 0)     \
	M(CFG, NAVX5, 0x06, 0x23, 40, 0, 0)   \
	M(CFG, NAV5, 0x06, 0x24, 36, 0, 0)    \
	M(CFG, TP5, 0x06, 0x31, 32, 0, 0)     \
	M(CFG, ITFM, 0x06, 0x39, 8, 0, 0)     \
	M(CFG, GNSS, 0x06, 0x3E, 4, 0, 8)     \
	M(MON, IO, 0x0A, 0x02, 0, 0, 20)      \
	M(MON, VER, 0x0A, 0x04, 40, 0, 30)    \
	M(MON, RXBUF, 0x0A, 0x07, 24, 0, 0)   \
	M(MON, TXBUF, 0x0A, 0x08, 28, 0, 0)   \
	M(MON, HW, 0x0A, 0x09, 60, 68, 0)     \
	M(AID, INI, 0x0B, 0x01, 48, 0, 0)

/*
 * The rows. F: name, offset, type, exponent, unit. B: name, offset, type, lowest
 * bit, bits. S: name, offset, characters (zero-padded text).
 */
/* clang-format off */
#define UBX_NAV_POSLLH_FIELDS(F, B, S, m) \
	F(m, iTOW, 0, U4, -3, "s") F(m, lon, 4, I4, -7, "deg") F(m, lat, 8, I4, -7, "deg") \
	F(m, height, 12, I4, -3, "m") F(m, hMSL, 16, I4, -3, "m") \
	F(m, hAcc, 20, U4, -3, "m") F(m, vAcc, 24, U4, -3, "m")
#define UBX_NAV_STATUS_FIELDS(F, B, S, m) \
	F(m, iTOW, 0, U4, -3, "s") F(m, gpsFix, 4, U1, 0, "") \
	B(m, gpsFixOk, 5, U1, 0, 1) B(m, diffSoln, 5, U1, 1, 1) B(m, wknSet, 5, U1, 2, 1) \
	B(m, towSet, 5, U1, 3, 1) B(m, dgpsIStat, 6, U1, 0, 1) B(m, mapMatching, 6, U1, 6, 2) \
	B(m, psmState, 7, U1, 0, 2) F(m, ttff, 8, U4, -3, "s") F(m, msss, 12, U4, -3, "s")
#define UBX_NAV_SOL_FIELDS(F, B, S, m) \
	F(m, iTOW, 0, U4, -3, "s") F(m, fTOW, 4, I4, -9, "s") F(m, week, 8, I2, 0, "") \
	F(m, gpsFix, 10, U1, 0, "") B(m, gpsFixOk, 11, U1, 0, 1) B(m, diffSoln, 11, U1, 1, 1) \
	B(m, wknSet, 11, U1, 2, 1) B(m, towSet, 11, U1, 3, 1) F(m, ecefX, 12, I4, -2, "m") \
	F(m, ecefY, 16, I4, -2, "m") F(m, ecefZ, 20, I4, -2, "m") F(m, pAcc, 24, U4, -2, "m") \
	F(m, ecefVX, 28, I4, -2, "m/s") F(m, ecefVY, 32, I4, -2, "m/s") \
	F(m, ecefVZ, 36, I4, -2, "m/s") F(m, sAcc, 40, U4, -2, "m/s") F(m, pDOP, 44, U2, -2, "") \
	F(m, numSV, 47, U1, 0, "")
#define UBX_NAV_PVT_FIELDS(F, B, S, m) \
	F(m, iTOW, 0, U4, -3, "s") F(m, year, 4, U2, 0, "") F(m, month, 6, U1, 0, "") \
	F(m, day, 7, U1, 0, "") F(m, hour, 8, U1, 0, "") F(m, min, 9, U1, 0, "") \
	F(m, sec, 10, U1, 0, "") B(m, valid, 11, U1, 0, 3)	/* validDate, validTime, fullyResolved */ \
	F(m, tAcc, 12, U4, -9, "s") F(m, nano, 16, I4, -9, "s") F(m, fixType, 20, U1, 0, "") \
	B(m, gnssFixOK, 21, U1, 0, 1) B(m, diffSoln, 21, U1, 1, 1) B(m, psmState, 21, U1, 2, 3) \
	F(m, numSV, 23, U1, 0, "") F(m, lon, 24, I4, -7, "deg") F(m, lat, 28, I4, -7, "deg") \
	F(m, height, 32, I4, -3, "m") F(m, hMSL, 36, I4, -3, "m") F(m, hAcc, 40, U4, -3, "m") \
	F(m, vAcc, 44, U4, -3, "m") F(m, velN, 48, I4, -3, "m/s") F(m, velE, 52, I4, -3, "m/s") \
	F(m, velD, 56, I4, -3, "m/s") F(m, gSpeed, 60, I4, -3, "m/s") \
	F(m, heading, 64, I4, -5, "deg") F(m, sAcc, 68, U4, -3, "m/s") \
	F(m, headingAcc, 72, U4, -5, "deg") F(m, pDOP, 76, U2, -2, "")
#define UBX_NAV_VELNED_FIELDS(F, B, S, m) \
	F(m, iTOW, 0, U4, -3, "s") F(m, velN, 4, I4, -2, "m/s") F(m, velE, 8, I4, -2, "m/s") \
	F(m, velD, 12, I4, -2, "m/s") F(m, speed, 16, U4, -2, "m/s") F(m, gSpeed, 20, U4, -2, "m/s") \
	F(m, heading, 24, I4, -5, "deg") F(m, sAcc, 28, U4, -2, "m/s") F(m, cAcc, 32, U4, -5, "deg")
#define UBX_NAV_TIMEUTC_FIELDS(F, B, S, m) \
	F(m, iTOW, 0, U4, -3, "s") F(m, tAcc, 4, U4, -9, "s") F(m, nano, 8, I4, -9, "s") \
	F(m, year, 12, U2, 0, "") F(m, month, 14, U1, 0, "") F(m, day, 15, U1, 0, "") \
	F(m, hour, 16, U1, 0, "") F(m, min, 17, U1, 0, "") F(m, sec, 18, U1, 0, "") \
	B(m, validTOW, 19, U1, 0, 1) B(m, validWKN, 19, U1, 1, 1) B(m, validUTC, 19, U1, 2, 1)
#define UBX_NAV_SVINFO_FIELDS(F, B, S, m) \
	F(m, iTOW, 0, U4, -3, "s") F(m, numCh, 4, U1, 0, "") B(m, chipGen, 5, U1, 0, 3) \
	F(m, chn, 8, U1, 0, "") F(m, svid, 9, U1, 0, "") B(m, svUsed, 10, U1, 0, 1) \
	B(m, diffCorr, 10, U1, 1, 1) B(m, orbitAvail, 10, U1, 2, 1) B(m, orbitEph, 10, U1, 3, 1) \
	B(m, unhealthy, 10, U1, 4, 1) B(m, orbitAlm, 10, U1, 5, 1) B(m, orbitAop, 10, U1, 6, 1) \
	B(m, smoothed, 10, U1, 7, 1) B(m, qualityInd, 11, U1, 0, 4) F(m, cno, 12, U1, 0, "dBHz") \
	F(m, elev, 13, I1, 0, "deg") F(m, azim, 14, I2, 0, "deg") F(m, prRes, 16, I4, -2, "m")
#define UBX_ACK_NAK_FIELDS(F, B, S, m) \
	F(m, clsID, 0, U1, 0, "") F(m, msgID, 1, U1, 0, "")
#define UBX_ACK_ACK_FIELDS(F, B, S, m) \
	F(m, clsID, 0, U1, 0, "") F(m, msgID, 1, U1, 0, "")
#define UBX_CFG_PRT_FIELDS(F, B, S, m) \
	F(m, portID, 0, U1, 0, "") F(m, txReady, 2, U2, 0, "") B(m, charLen, 4, U4, 6, 2) \
	B(m, parity, 4, U4, 9, 3) B(m, nStopBits, 4, U4, 12, 2) F(m, baudRate, 8, U4, 0, "Bd") \
	B(m, inUbx, 12, U2, 0, 1) B(m, inNmea, 12, U2, 1, 1) B(m, inRtcm, 12, U2, 2, 1) \
	B(m, outUbx, 14, U2, 0, 1) B(m, outNmea, 14, U2, 1, 1) B(m, extendedTxTimeout, 16, U2, 1, 1)
#define UBX_CFG_MSG_FIELDS(F, B, S, m)	/* one rate per port: DDC, UART1, UART2, USB, SPI, reserved */ \
	F(m, msgClass, 0, U1, 0, "") F(m, msgID, 1, U1, 0, "") F(m, rate0, 2, U1, 0, "") \
	F(m, rate1, 3, U1, 0, "") F(m, rate2, 4, U1, 0, "") F(m, rate3, 5, U1, 0, "") \
	F(m, rate4, 6, U1, 0, "") F(m, rate5, 7, U1, 0, "")
#define UBX_CFG_INF_FIELDS(F, B, S, m)	/* error, warning, notice, test, debug in bits 0..4, per port */ \
	F(m, protocolID, 0, U1, 0, "") B(m, infMsgMask0, 4, U1, 0, 5) B(m, infMsgMask1, 5, U1, 0, 5) \
	B(m, infMsgMask2, 6, U1, 0, 5) B(m, infMsgMask3, 7, U1, 0, 5) \
	B(m, infMsgMask4, 8, U1, 0, 5) B(m, infMsgMask5, 9, U1, 0, 5)
#define UBX_CFG_RST_FIELDS(F, B, S, m) \
	F(m, navBbrMask, 0, U2, 0, "") F(m, resetMode, 2, U1, 0, "")
#define UBX_CFG_RATE_FIELDS(F, B, S, m) \
	F(m, measRate, 0, U2, -3, "s") F(m, navRate, 2, U2, 0, "") F(m, timeRef, 4, U2, 0, "")
#define UBX_CFG_CFG_FIELDS(F, B, S, m) \
	F(m, clearMask, 0, U4, 0, "") F(m, saveMask, 4, U4, 0, "") F(m, loadMask, 8, U4, 0, "") \
	B(m, devBBR, 12, U1, 0, 1) B(m, devFlash, 12, U1, 1, 1) B(m, devEEPROM, 12, U1, 2, 1) \
	B(m, devSpiFlash, 12, U1, 4, 1)
#define UBX_CFG_RXM_FIELDS(F, B, S, m) \
	F(m, lpMode, 1, U1, 0, "")
#define UBX_CFG_ANT_FIELDS(F, B, S, m) \
	B(m, svcs, 0, U2, 0, 1) B(m, scd, 0, U2, 1, 1) B(m, ocd, 0, U2, 2, 1) \
	B(m, pdwnOnSCD, 0, U2, 3, 1) B(m, recovery, 0, U2, 4, 1) B(m, pinSwitch, 2, U2, 0, 5) \
	B(m, pinSCD, 2, U2, 5, 5) B(m, pinOCD, 2, U2, 10, 5) B(m, reconfig, 2, U2, 15, 1)
#define UBX_CFG_SBAS_FIELDS(F, B, S, m) \
	B(m, enabled, 0, U1, 0, 1) B(m, test, 0, U1, 1, 1) B(m, range, 1, U1, 0, 1) \
	B(m, diffCorr, 1, U1, 1, 1) B(m, integrity, 1, U1, 2, 1) F(m, maxSBAS, 2, U1, 0, "") \
	B(m, scanmode2, 3, U1, 0, 7) F(m, scanmode1, 4, U4, 0, "")
#define UBX_CFG_NAVX5_FIELDS(F, B, S, m) \
	F(m, version, 0, U2, 0, "") B(m, minMax, 2, U2, 2, 1) B(m, minCno, 2, U2, 3, 1) \
	B(m, initial3dfix, 2, U2, 6, 1) B(m, wknRoll, 2, U2, 9, 1) B(m, ppp, 2, U2, 13, 1) \
	B(m, aop, 2, U2, 14, 1) F(m, minSVs, 10, U1, 0, "") F(m, maxSVs, 11, U1, 0, "") \
	F(m, minCNO, 12, U1, 0, "dBHz") F(m, iniFix3D, 14, U1, 0, "") \
	F(m, wknRollover, 18, U2, 0, "") F(m, usePPP, 26, U1, 0, "") B(m, useAOP, 27, U1, 0, 1) \
	F(m, aopOrbMaxErr, 30, U2, 0, "m")
#define UBX_CFG_NAV5_FIELDS(F, B, S, m) \
	B(m, dyn, 0, U2, 0, 1) B(m, minEl, 0, U2, 1, 1) B(m, posFixMode, 0, U2, 2, 1) \
	B(m, drLim, 0, U2, 3, 1) B(m, posMask, 0, U2, 4, 1) B(m, timeMask, 0, U2, 5, 1) \
	B(m, staticHoldMask, 0, U2, 6, 1) B(m, dgpsMask, 0, U2, 7, 1) B(m, applyAll, 0, U2, 0, 16) \
	F(m, dynModel, 2, U1, 0, "") F(m, fixMode, 3, U1, 0, "") F(m, fixedAlt, 4, I4, -2, "m") \
	F(m, fixedAltVar, 8, U4, -4, "m2") F(m, minElev, 12, I1, 0, "deg") F(m, drLimit, 13, U1, 0, "s") \
	F(m, pDop, 14, U2, -1, "") F(m, tDop, 16, U2, -1, "") F(m, pAcc, 18, U2, 0, "m") \
	F(m, tAcc, 20, U2, 0, "m") F(m, staticHoldThresh, 22, U1, -2, "m/s") \
	F(m, dgpsTimeOut, 23, U1, 0, "s") F(m, cnoThreshNumSVs, 24, U1, 0, "") \
	F(m, cnoThresh, 25, U1, 0, "dBHz")
#define UBX_CFG_TP5_FIELDS(F, B, S, m)	/* period in us or frequency in Hz (isFreq), length in us or 2^-32 (isLength) */ \
	F(m, tpIdx, 0, U1, 0, "") F(m, antCableDelay, 4, I2, -9, "s") F(m, rfGroupDelay, 6, I2, -9, "s") \
	F(m, freqPeriod, 8, U4, 0, "") F(m, freqPeriodLock, 12, U4, 0, "") \
	F(m, pulseLenRatio, 16, U4, 0, "") F(m, pulseLenRatioLock, 20, U4, 0, "") \
	F(m, userConfigDelay, 24, I4, -9, "s") B(m, active, 28, U4, 0, 1) \
	B(m, lockGpsFreq, 28, U4, 1, 1) B(m, lockedOtherSet, 28, U4, 2, 1) B(m, isFreq, 28, U4, 3, 1) \
	B(m, isLength, 28, U4, 4, 1) B(m, alignToTow, 28, U4, 5, 1) B(m, polarity, 28, U4, 6, 1) \
	B(m, gridUtcGps, 28, U4, 7, 1)
#define UBX_CFG_ITFM_FIELDS(F, B, S, m)	/* algorithmBits and generalBits have one allowed value each */ \
	B(m, bbThreshold, 0, U4, 0, 4) B(m, cwThreshold, 0, U4, 4, 5) \
	B(m, algorithmBits, 0, U4, 9, 22) B(m, enable, 0, U4, 31, 1) \
	B(m, generalBits, 4, U4, 0, 12) B(m, antSetting, 4, U4, 12, 2)
#define UBX_CFG_GNSS_FIELDS(F, B, S, m) \
	F(m, msgVer, 0, U1, 0, "") F(m, numTrkChHw, 1, U1, 0, "") F(m, numTrkChUse, 2, U1, 0, "") \
	F(m, numConfigBlocks, 3, U1, 0, "") F(m, gnssId, 4, U1, 0, "") F(m, resTrkCh, 5, U1, 0, "") \
	F(m, maxTrkCh, 6, U1, 0, "") B(m, enable, 8, U4, 0, 1)
#define UBX_MON_IO_FIELDS(F, B, S, m)	/* one group per port, in the order of CFG-MSG; errors in slots of 100 ms */ \
	F(m, rxBytes, 0, U4, 0, "") F(m, txBytes, 4, U4, 0, "") F(m, parityErrs, 8, U2, 0, "") \
	F(m, framingErrs, 10, U2, 0, "") F(m, overrunErrs, 12, U2, 0, "") F(m, breakCond, 14, U2, 0, "") \
	F(m, rxBusy, 16, U1, 0, "") F(m, txBusy, 17, U1, 0, "")
#define UBX_MON_VER_FIELDS(F, B, S, m) \
	S(m, swVersion, 0, 30) S(m, hwVersion, 30, 10) S(m, extension, 40, 30)
#define UBX_MON_RXBUF_FIELDS(F, B, S, m) \
	F(m, pending0, 0, U2, 0, "B") F(m, pending1, 2, U2, 0, "B") F(m, pending2, 4, U2, 0, "B") \
	F(m, pending3, 6, U2, 0, "B") F(m, pending4, 8, U2, 0, "B") F(m, pending5, 10, U2, 0, "B") \
	F(m, usage0, 12, U1, 0, "%") F(m, usage1, 13, U1, 0, "%") F(m, usage2, 14, U1, 0, "%") \
	F(m, usage3, 15, U1, 0, "%") F(m, usage4, 16, U1, 0, "%") F(m, usage5, 17, U1, 0, "%") \
	F(m, peakUsage0, 18, U1, 0, "%") F(m, peakUsage1, 19, U1, 0, "%") F(m, peakUsage2, 20, U1, 0, "%") \
	F(m, peakUsage3, 21, U1, 0, "%") F(m, peakUsage4, 22, U1, 0, "%") F(m, peakUsage5, 23, U1, 0, "%")
#define UBX_MON_TXBUF_FIELDS(F, B, S, m) \
	F(m, pending0, 0, U2, 0, "B") F(m, pending1, 2, U2, 0, "B") F(m, pending2, 4, U2, 0, "B") \
	F(m, pending3, 6, U2, 0, "B") F(m, pending4, 8, U2, 0, "B") F(m, pending5, 10, U2, 0, "B") \
	F(m, usage0, 12, U1, 0, "%") F(m, usage1, 13, U1, 0, "%") F(m, usage2, 14, U1, 0, "%") \
	F(m, usage3, 15, U1, 0, "%") F(m, usage4, 16, U1, 0, "%") F(m, usage5, 17, U1, 0, "%") \
	F(m, peakUsage0, 18, U1, 0, "%") F(m, peakUsage1, 19, U1, 0, "%") F(m, peakUsage2, 20, U1, 0, "%") \
	F(m, peakUsage3, 21, U1, 0, "%") F(m, peakUsage4, 22, U1, 0, "%") F(m, peakUsage5, 23, U1, 0, "%") \
	F(m, tUsage, 24, U1, 0, "%") F(m, tPeakUsage, 25, U1, 0, "%") B(m, limit, 26, U1, 0, 6) \
	B(m, mem, 26, U1, 6, 1) B(m, alloc, 26, U1, 7, 1)
#define UBX_MON_HW_FIELDS(F, B, S, m)	/* aStatus 0 INIT 1 DONTKNOW 2 OK 3 SHORT 4 OPEN; aPower 0 OFF 1 ON 2 DONTKNOW */ \
	F(m, pinSel, 0, U4, 0, "") F(m, pinBank, 4, U4, 0, "") F(m, pinDir, 8, U4, 0, "") \
	F(m, pinVal, 12, U4, 0, "") F(m, noisePerMS, 16, U2, 0, "") F(m, agcCnt, 18, U2, 0, "") \
	F(m, aStatus, 20, U1, 0, "") F(m, aPower, 21, U1, 0, "") B(m, rtcCalib, 22, U1, 0, 1) \
	B(m, safeBoot, 22, U1, 1, 1) B(m, jammingState, 22, U1, 2, 2) F(m, usedMask, 24, U4, 0, "") \
	F(m, jamInd, 45, U1, 0, "") F(m, pinIrq, 48, U4, 0, "") F(m, pullH, 52, U4, 0, "") \
	F(m, pullL, 56, U4, 0, "")
#define UBX_AID_INI_FIELDS(F, B, S, m)	/* meaning of position (lla or ECEF in cm) and time (utc or week) by flags */ \
	F(m, lat, 0, I4, -7, "deg") F(m, lon, 4, I4, -7, "deg") F(m, alt, 8, I4, -2, "m") \
	F(m, posAcc, 12, U4, -2, "m") F(m, tmCfg, 16, U2, 0, "") F(m, wnoOrDate, 18, U2, 0, "") \
	F(m, towOrTime, 20, U4, 0, "") F(m, towNs, 24, I4, -9, "s") F(m, tAccMs, 28, U4, -3, "s") \
	F(m, tAccNs, 32, U4, -9, "s") F(m, clkDOrFreq, 36, I4, 0, "") F(m, clkDAccOrFreqAcc, 40, U4, 0, "") \
	B(m, pos, 44, U4, 0, 1) B(m, time, 44, U4, 1, 1) B(m, clockD, 44, U4, 2, 1) \
	B(m, tp, 44, U4, 3, 1) B(m, clockF, 44, U4, 4, 1) B(m, lla, 44, U4, 5, 1) \
	B(m, altInv, 44, U4, 6, 1) B(m, prevTm, 44, U4, 7, 1) B(m, utc, 44, U4, 10, 1)
/* clang-format on */

enum ubx_message {
#define M(c, name, cls, id, len, len2, group) UBX_##c##_##name,
	UBX_MESSAGES(M)
#undef M
		UBX_MESSAGE_COUNT
};

enum ubx_field {
#define F(m, name, offset, type, exponent, unit) UBX_##m##_##name,
#define B(m, name, offset, type, lo, bits) UBX_##m##_##name,
#define S(m, name, offset, len) UBX_##m##_##name,
#define M(c, name, cls, id, len, len2, group) UBX_##c##_##name##_FIELDS(F, B, S, c##_##name)
	UBX_MESSAGES(M)
#undef M
#undef S
#undef B
#undef F
		UBX_FIELD_COUNT
};

struct ubx_message_row {
	const char *name; /* "NAV-PVT" */
	uint8_t cls, id;
	uint16_t len, len2, group;
};
extern const struct ubx_message_row ubx_messages[UBX_MESSAGE_COUNT];

struct ubx_field_row {
	const char *name; /* the specification's spelling */
	enum ubx_message message;
	uint16_t offset;
	uint8_t size; /* bytes; of text its length */
	bool is_signed, is_text;
	uint8_t lo, bits; /* of a bit field; bits 0: the whole */
	int8_t exponent;
	const char *unit;
};
extern const struct ubx_field_row ubx_fields[UBX_FIELD_COUNT];

/* UBX_MESSAGE_COUNT if there is no row for it. */
enum ubx_message ubx_msg_find(uint8_t cls, uint8_t id);

/* Whether the table describes this payload; to be checked before the calls below. */
bool ubx_msg_length_ok(enum ubx_message message, size_t payload_len);
/* Repeated groups in a payload of this length. */
unsigned ubx_msg_groups(enum ubx_message message, size_t payload_len);

/* `group` counts from 0 and is ignored outside the repeated part. */
int64_t ubx_msg_get(const uint8_t *payload, enum ubx_field field, unsigned group);
/* Only the field's own bits change; value is cut to its width. */
void ubx_msg_put(uint8_t *payload, enum ubx_field field, unsigned group, int64_t value);
/* Text up to the first NUL, unprintable characters as '?'; always terminated. */
void ubx_msg_text(const uint8_t *payload, enum ubx_field field, unsigned group, char *out,
		  size_t size);

#endif
