class _Normal:
    def cdf(self, x: float) -> float: ...

class _StudentT:
    def ppf(self, q: float, df: float) -> float: ...

norm: _Normal
t: _StudentT

def spearmanr(a: object, b: object) -> tuple[float, float]: ...
