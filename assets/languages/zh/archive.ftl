archive-images = 其中有 { $count } 幅影像
archive-gap = 其中没有影像：由前后影像插值
archive-beyond = 其中没有影像：外推至影像之外
