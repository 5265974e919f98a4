package kernel

// tile is Tile for any processor: 4×4 sums in variables, which the compiler keeps in registers.
func tile[T Float](m, n, k int, a *T, aRow, aK int, b *T, bK int, c *T, cRow int, acc bool) {
	var t [4][4]T
	if m == 4 && k > 0 {
		tile4x4(&t, k, vec(a, 3*aRow+(k-1)*aK+1), aRow, aK, vec(b, (k-1)*bK+4), bK)
	} else if k > 0 {
		av, bv := vec(a, (m-1)*aRow+(k-1)*aK+1), vec(b, (k-1)*bK+4)
		for p := range k {
			br := bv[p*bK:][:4]
			for i := range m {
				x := av[i*aRow+p*aK]
				t[i][0] += x * br[0]
				t[i][1] += x * br[1]
				t[i][2] += x * br[2]
				t[i][3] += x * br[3]
			}
		}
	}
	cv := vec(c, (m-1)*cRow+n)
	for i := range m {
		row := cv[i*cRow:][:n]
		for j := range row {
			if acc {
				row[j] += t[i][j]
			} else {
				row[j] = t[i][j]
			}
		}
	}
}

func tile4x4[T Float](t *[4][4]T, k int, a []T, aRow, aK int, b []T, bK int) {
	var (
		c00, c01, c02, c03 T
		c10, c11, c12, c13 T
		c20, c21, c22, c23 T
		c30, c31, c32, c33 T
	)
	r0, r1, r2, r3 := a, a[aRow:], a[2*aRow:], a[3*aRow:]
	for p := range k {
		br := b[p*bK:][:4]
		b0, b1, b2, b3 := br[0], br[1], br[2], br[3]
		at := p * aK
		x := r0[at]
		c00 += x * b0
		c01 += x * b1
		c02 += x * b2
		c03 += x * b3
		x = r1[at]
		c10 += x * b0
		c11 += x * b1
		c12 += x * b2
		c13 += x * b3
		x = r2[at]
		c20 += x * b0
		c21 += x * b1
		c22 += x * b2
		c23 += x * b3
		x = r3[at]
		c30 += x * b0
		c31 += x * b1
		c32 += x * b2
		c33 += x * b3
	}
	*t = [4][4]T{{c00, c01, c02, c03}, {c10, c11, c12, c13}, {c20, c21, c22, c23}, {c30, c31, c32, c33}}
}

// row is Row for any processor: one panel at a time.
func row[T Float](k int, a, b *T, _ int, c *T, acc bool) { tile(1, 4, k, a, 1, 1, b, 4, c, 4, acc) }
