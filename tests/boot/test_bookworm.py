# SPDX-License-Identifier: BSD-2-Clause
from rows import *  # noqa: F401,F403
