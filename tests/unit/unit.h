/*
 * cmocka with what it wants included before it.
 */
#ifndef DFS_TESTS_UNIT_H
#define DFS_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Last: it needs the others. */
#include <cmocka.h>

#endif
